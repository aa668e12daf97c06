// Vetting: the time to undo runs in words, and the second half of a double click decides nothing.
(() => {
  "use strict";

  // The next request comes where the last one was: a press in its first half second was not for it.
  const SETTLES_AFTER = 500;
  const drawn = performance.now();
  document.addEventListener("submit", (event) => {
    const decides = event.target.closest("[data-decision]");
    if (decides && performance.now() - drawn < SETTLES_AFTER) event.preventDefault();
  });
  window.setTimeout(() => document.body.toggleAttribute("data-settled", true), SETTLES_AFTER);

  const bar = document.querySelector("[data-decided]");
  const words = bar?.querySelector("[data-left]");
  if (!words) return;
  const end = Date.now() + Number(bar.dataset.secondsLeft) * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) {
      words.textContent = ` within ${left} ${left === 1 ? "second" : "seconds"}`;
      window.setTimeout(tick, 250);
      return;
    }
    // It is on its way: the button goes, and the keyboard does not fall off the page with it.
    const button = words.closest("button");
    if (button === document.activeElement) document.querySelector("[data-primary], main a")?.focus();
    button.remove();
  };
  tick();
})();
