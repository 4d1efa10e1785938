"""The identity as CSS custom properties, once per theme; components name a property, never a colour.

A brand colour that fails contrast on a surface is lightened or darkened until it passes; its hue stays.
"""

import colorsys
from collections.abc import Iterable
from dataclasses import dataclass

TEXT, CONTROL = 7.0, 3.0  # WCAG 2.2 AAA for text; 1.4.11 for what one operates or must tell apart

PRIMARY, PRIMARY_LIGHT = "#0066CC", "#3399FF"
STATES = {"success": "#00AA44", "warning": "#FF9900", "error": "#CC0000", "info": "#0099CC"}
# The accent of each group of nodes.
KINDS = {
    "trigger": "#00CC66",
    "llm": "#6633CC",
    "voice": "#CC3399",
    "logic": "#0099CC",
    "data": "#0066CC",
    "integration": "#FF6600",
    "human": "#FF9900",
}

SIZES = (12, 14, 16, 18, 20, 24, 30, 36)  # the type scale, px; nothing outside it
SPACES = (4, 8, 12, 16, 24, 32, 48, 64)  # --gap-1 … --gap-8, px

# Names that Radix does not use for its own scales.
SHARED = {
    "face-text": '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    "face-code": '"JetBrains Mono", ui-monospace, "SF Mono", Menlo, Consolas, monospace',
    "face-display": '"Poppins", "Inter", system-ui, sans-serif',
    **{f"type-{size}": f"{size / 16:g}rem" for size in SIZES},
    **{f"gap-{step}": f"{space / 16:g}rem" for step, space in enumerate(SPACES, 1)},
    "round-1": "6px",
    "round-2": "10px",
    "round-3": "16px",
    "round-full": "999px",
    "target": "2.75rem",
    "feedback": "200ms",
    "page": "300ms",
    "ease": "cubic-bezier(0.4, 0, 0.2, 1)",
}


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours a theme starts from; everything else is derived in `tokens`.

    surfaces: background 1, 2, 3. selected: the background of what is chosen, with its text. fill: background
    of the first button on a page, with its text. tint: how much of an accent a soft background takes, 0 to 1.
    """

    scheme: str
    surfaces: tuple[str, str, str]
    text: tuple[str, str]
    border: str
    control: str
    selected: tuple[str, str]
    fill: tuple[str, str, str]
    focus: str
    tint: float
    shadow: str

    def tokens(self) -> dict[str, str]:
        """Every colour property of this theme, name without dashes to value."""
        tokens = {f"bg-{n}": surface for n, surface in enumerate(self.surfaces, 1)}
        tokens |= {"text-1": self.text[0], "text-2": self.text[1], "border": self.border, "control": self.control}
        tokens |= {"selected": self.selected[0], "on-selected": self.selected[1], "focus": self.focus}
        tokens |= {"fill": self.fill[0], "fill-hover": self.fill[1], "on-fill": self.fill[2]}
        tokens |= {"link": readable(PRIMARY, self.surfaces, TEXT), "shadow": self.shadow}
        for name, brand in (STATES | {f"kind-{kind}": colour for kind, colour in KINDS.items()}).items():
            soft = mix(brand, self.surfaces[1], self.tint)
            tokens[name] = readable(brand, (*self.surfaces, soft), CONTROL)
            tokens[f"{name}-text"] = readable(brand, (*self.surfaces, soft), TEXT)
            tokens[f"{name}-soft"] = soft
        return tokens


THEMES = {
    "dark": Theme(
        scheme="dark",
        surfaces=("#0A0A0A", "#1A1A1A", "#2A2A2A"),
        text=("#FFFFFF", "#CCCCCC"),
        border="#333333",
        control="#7A7A7A",
        selected=("#12304F", "#FFFFFF"),
        fill=(PRIMARY_LIGHT, "#66B3FF", "#000000"),
        focus="#66B3FF",
        tint=0.16,
        shadow="0 1px 2px rgb(0 0 0 / 0.5), 0 12px 32px rgb(0 0 0 / 0.45)",
    ),
    "light": Theme(
        scheme="light",
        surfaces=("#FFFFFF", "#F8F9FA", "#E9ECEF"),
        text=("#212529", "#444A50"),
        border="#DEE2E6",
        control="#78828C",
        selected=("#DCEBFA", "#003366"),
        fill=("#0055AA", "#003366", "#FFFFFF"),
        focus="#0066CC",
        tint=0.1,
        shadow="0 1px 2px rgb(0 20 50 / 0.08), 0 12px 32px rgb(0 20 50 / 0.12)",
    ),
    "contrast": Theme(
        scheme="dark",
        surfaces=("#000000", "#000000", "#000000"),
        text=("#FFFFFF", "#FFFFFF"),
        border="#FFFFFF",
        control="#FFFFFF",
        selected=("#FFFFFF", "#000000"),
        fill=("#FFFFFF", "#FFFF66", "#000000"),
        focus="#FFFF66",
        tint=0.0,
        shadow="0 0 0 1px #FFFFFF",
    ),
}


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two `#RRGGBB` colours, 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def readable(colour: str, surfaces: Iterable[str], ratio: float) -> str:
    """The nearest colour of the same hue that reaches `ratio` on every surface.

    Raises: ValueError when neither white nor black would do.
    """
    surfaces = tuple(surfaces)
    hue, light, saturation = colorsys.rgb_to_hls(*_channels(colour))
    step = 0.004 if _luminance(surfaces[0]) < 0.2 else -0.004
    while 0 <= light <= 1:
        found = _hex(colorsys.hls_to_rgb(hue, light, saturation))
        if all(contrast(found, surface) >= ratio for surface in surfaces):
            return found
        light += step
    raise ValueError(f"no shade of {colour} has {ratio}:1 on {', '.join(surfaces)}")


def mix(colour: str, surface: str, share: float) -> str:
    """`share` (0 to 1) of a colour laid over a surface."""
    pairs = zip(_channels(colour), _channels(surface), strict=True)
    return _hex(over * share + under * (1 - share) for over, under in pairs)


def stylesheet() -> str:
    """All properties as CSS: the shared ones, then a block per theme, dark first because it is the default."""
    blocks = [_block(":root", SHARED)]
    for name, theme in THEMES.items():
        selector = f":root, [data-theme={name}]" if name == "dark" else f"[data-theme={name}]"
        # Reflex writes `color-scheme` into the style attribute of <html>; ours must win.
        blocks.append(_block(selector, theme.tokens(), f"color-scheme: {theme.scheme} !important;"))
    return "\n".join(blocks)


def _block(selector: str, tokens: dict[str, str], first: str = "") -> str:
    lines = [first] if first else []
    lines += [f"--{name}: {value};" for name, value in tokens.items()]
    return f"{selector} {{\n  " + "\n  ".join(lines) + "\n}\n"


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _hex(channels: Iterable[float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02X}" for channel in channels)


def _luminance(colour: str) -> float:
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour))
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
