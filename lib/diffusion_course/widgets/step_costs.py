"""Chapter 17's widget: what one call of a network costs at another size of picture, part by part."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffusion_course.plots.style import CLASS_COLOURS
from diffusion_course.tools.operations import Product
from diffusion_course.widgets.pictures import headed

KINDS = ("convolution", "dense", "attention")
_BAR, _ROW, _LEFT = 420, 22, 90


@dataclass(frozen=True)
class Counted:
    """What is known of a network at one size.

    Attributes:
        products: of one call on one picture, as `operations.products` counts them.
        side: of that picture in pixels.
        pixels: on each side, that become one position of its first layer: 8 for latents of an eighth.
        heads: of its first attention.
        calls: for a picture, two for each guided step.
    """

    products: Sequence[Product]
    side: int
    pixels: int
    heads: int
    calls: int


def power_of(product: Product) -> int:
    """With which power of the number of positions a product grows.

    What is computed from the text or the step alone does not, attention of all positions to all with the square.
    """
    if re.search(r"(^time_embedding|/time$|cross_attention/(key|value)$)", product.path):
        return 0
    return 2 if product.kind == "attention" and product.path.endswith("self_attention") else 1


def part_of(path: str) -> str:
    """The part of a U-Net that a layer belongs to: "down 0", "middle", "up 0", or "ends"."""
    found = re.match(r"(down|up)_(\d+)|(middle)", path)
    if not found:
        return "ends"
    return found[3] or f"{found[1]} {found[2]}"


def work_at(counted: Counted, side: int) -> dict[str, dict[str, float]]:
    """Multiply-adds of one call at another size.

    Args:
        counted: at its own size.
        side: of the picture in pixels.

    Returns:
        part -> kind -> multiply-adds, parts in the order of the call.
    """
    growth = (side / counted.side) ** 2
    work = {}
    for product in counted.products:
        part = work.setdefault(part_of(product.path), dict.fromkeys(KINDS, 0.0))
        part[product.kind] += product.multiply_adds * growth ** power_of(product)
    ends = work.pop("ends", None)
    return work | ({"ends": ends} if ends else {})


def in_words(name: str, counted: Counted, side: int) -> str:
    """What a call and a picture cost."""
    work = work_at(counted, side)
    total = sum(sum(part.values()) for part in work.values())
    share = sum(part["attention"] for part in work.values()) / total
    places = (side // counted.pixels) ** 2
    scores = counted.heads * places**2 * 4
    return (
        f"{name}, {side} pixels: {_count(total)} multiply-adds a call, {_count(total * counted.calls)} a picture of "
        f"{counted.calls} calls; {share:.0%} are products of attention. All scores of a first attention at once: "
        f"{_count(scores)} bytes"
    )


def _count(number: float) -> str:
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {letter}"
    return f"{number:.3g}"


def bars_svg(work: Mapping[str, Mapping[str, float]], words: str) -> str:
    """A bar for each part, divided by kind, the longest as long as the picture."""
    longest = max(sum(part.values()) for part in work.values())
    rows = []
    for k, (name, part) in enumerate(work.items()):
        x, y = float(_LEFT), 4 + _ROW * (k + 1)
        rows.append(f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{html.escape(name)}</text>')
        for i, kind in enumerate(KINDS):
            wide = _BAR * part[kind] / longest
            rows.append(
                f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{_ROW - 6}" fill="{CLASS_COLOURS[i]}" '
                f'stroke="white" stroke-width="0.5"/>'
            )
            x += wide
        rows.append(f'<text x="{x + 6:.1f}" y="{y + 12}">{_count(sum(part.values()))}</text>')
    legend = "".join(
        f'<rect x="{_LEFT + 130 * i}" y="4" width="14" height="12" fill="{CLASS_COLOURS[i]}"/>'
        f'<text x="{_LEFT + 130 * i + 20}" y="15">{kind}</text>'
        for i, kind in enumerate(KINDS)
    )
    width, height = _LEFT + _BAR + 80, 10 + _ROW * (len(work) + 1)
    return (
        f'<svg role="img" aria-label="{html.escape(words)}" viewBox="0 0 {width} {height}" font-size="12" '
        f'style="width:{width}px;max-width:100%" fill="currentColor">{legend}{"".join(rows)}</svg>'
    )


def view_html(name: str, counted: Counted, side: int) -> str:
    """All that the widget shows below its controls; arguments as in `in_words`."""
    words = in_words(name, counted, side)
    return headed(words, bars_svg(work_at(counted, side), words))


def still_figure(networks: Mapping[str, Counted], sides: Sequence[int]):
    """What the widget shows, for readers without a kernel: the first network at the first size and at the last.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.sizes import part_bars

    name, counted = next(iter(networks.items()))
    panels = {
        f"{side} pixels: G multiply-adds a call": {
            part: {kind: amount / 1e9 for kind, amount in amounts.items()}
            for part, amounts in work_at(counted, side).items()
        }
        for side in (sides[0], sides[-1])
    }
    told = ". ".join(in_words(name, counted, side) for side in (sides[0], sides[-1]))
    return part_bars(panels), f"{told}. Run the cell to choose for yourself."


def step_costs(networks: Mapping[str, Counted], sides: Sequence[int] = (256, 384, 512, 768, 1024, 2048)):
    """Shows where the work of a network's call is, for pictures of a chosen size.

    Args:
        networks: name -> what was counted.
        sides: of pictures to choose from, in pixels, rising.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there are no networks, or sides that do not rise.
    """
    if not networks or not sides or list(sides) != sorted(set(sides)):
        raise ValueError(
            "`networks` must hold at least one, and `sides` must rise. "
            f"Received: {list(networks)}, sides={list(sides)}"
        )
    from diffusion_course.widgets.panel import Panel, choice, stops

    def draw(network, side):
        return view_html(network, networks[network], side)

    controls = {
        "network": choice("network", list(networks)),
        "side": stops("pixels on a side", sides, 512 if 512 in sides else sides[0]),
    }
    return Panel(draw, controls, lambda: still_figure(networks, sides))
