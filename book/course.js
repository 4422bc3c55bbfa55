// Renders the TeX that the preprocessor put into <span class="math">. Without JavaScript the TeX itself is shown.
"use strict";

(() => {
    for (const span of document.querySelectorAll("span.math")) {
        const tex = span.textContent;
        span.dataset.tex = tex;
        katex.render(tex, span, {
            displayMode: span.classList.contains("math-display"),
            throwOnError: false, // KaTeX then shows the source in red, class "katex-error"
        });
    }
})();
