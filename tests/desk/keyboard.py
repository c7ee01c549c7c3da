"""Operates a page by keyboard only: tabs to a control by its name, checks that it is visible, and presses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# What is focused, and what is wrong with how it is shown. A stop inside the mail's own frame is the mail's business.
_STOP = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const labels = e.labels && e.labels.length ? [...e.labels].map(l => l.innerText).join(' ') : '';
  const name = (e.getAttribute('aria-label') || labels || e.innerText || e.title || '').replace(/\\s+/g, ' ').trim();
  if (e.tagName === 'IFRAME') return {name, tag: 'IFRAME', faults: []};
  const faults = [], style = getComputedStyle(e), box = e.getBoundingClientRect();
  const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
  if (!ring) faults.push('has no visible focus');
  let target = box;
  for (const l of e.labels || []) {
    const b = l.getBoundingClientRect();
    if (['checkbox', 'radio'].includes(e.type) && b.height > target.height) target = b;
  }
  const inline = e.tagName === 'A' && style.display === 'inline';
  if (!inline && (target.width < 24 || target.height < 24)) faults.push(`is ${target.width} by ${target.height} px`);
  const lines = e.getClientRects().length > 1 && inline ? [e.getClientRects()[0]] : [box];
  for (const r of lines) {
    let outside = 0;
    if (r.height > innerHeight - 120) continue;
    for (const [x, y] of [[r.left + r.width / 2, r.top + 3], [r.left + r.width / 2, r.bottom - 3]]) {
      if (x < 0 || x >= innerWidth || y < 0 || y >= innerHeight) { outside += 1; continue; }
      const there = document.elementFromPoint(x, y);
      if (!there || !(e.contains(there) || there.contains(e))) faults.push(`is covered by ${there && there.outerHTML.slice(0, 60)}`);
    }
    if (outside === 2) faults.push(`lies outside the screen, at ${r.left}, ${r.top}`);
  }
  return {name, tag: e.tagName, faults};
}"""

# Whether a walk comes by its first stop again, which is marked.
_WAS_HERE = """(steps) => {
  if (steps) return document.activeElement === window.firstStop;
  window.firstStop = document.activeElement;
  return false;
}"""


@dataclass
class Hands:
    """On one page of a browser. Every stop on the way must be seen; a control that is not reached fails the test."""

    page: Any

    def stop(self) -> dict[str, Any] | None:
        """Where the focus is; None on the page itself."""
        found: dict[str, Any] | None = self.page.evaluate(_STOP)
        return found

    def walk(self, *, back: bool = False, most: int = 400) -> list[dict[str, Any]]:
        """Every stop from here to the end of the page, or back to its beginning: once, although a browser without a bar of its own
        sometimes goes on at the other end."""
        stops: list[dict[str, Any]] = []
        for _ in range(most):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            stop = self.stop()
            if stop is None and not stops:
                continue  # from the first stop backwards the way leads over the page itself
            if stop is None or self.page.evaluate(_WAS_HERE, len(stops)):
                return stops
            stops.append(stop)
        raise AssertionError(f"after {most} stops the page has no end: {stops[-1:]}")

    def to(self, name: str, *, most: int = 90, back: bool = False) -> Hands:
        """Tab until the control is reached whose name begins so."""
        passed = []
        for _ in range(most):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            stop = self.stop()
            passed.append(stop and stop["name"][:40])
            if stop is None:
                continue
            assert not stop["faults"], stop
            if stop["name"].startswith(name):
                return self
        raise AssertionError(f"{most} times Tab do not lead to {name!r}: {passed}")

    def press(self, key: str = "Enter") -> Hands:
        """On what is focused."""
        self.page.keyboard.press(key)
        return self

    def go(self, name: str, key: str = "Enter", **how: Any) -> Hands:
        """Tab there, press, and wait for the page that answers."""
        self.to(name, **how)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        return self

    def write(self, name: str, words: str, **how: Any) -> Hands:
        """Tab to a field and put these words in place of what is in it."""
        self.to(name, **how)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(words)
        return self

    def skip(self) -> Hands:
        """From the top of the page past its bars."""
        return self.to("Skip to the content", most=1).press()
