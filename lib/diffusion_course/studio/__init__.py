"""The studio: one engine that paints what is asked for and shows how, behind a widget and behind a local page.

``wishes`` checks what is asked for, ``engine`` paints and tells of each step, ``desk`` has the one thread that works,
``server`` is the page's side and ``front`` the script and style that both faces share; the widget is in ``widgets``.
"""
