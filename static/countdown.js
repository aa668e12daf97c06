// The undo line counts down. A screen reader hears the time once, from the page itself.
(() => {
  "use strict";
  const line = document.querySelector("[data-release-at]");
  if (!line) return;
  const end = Date.now() + Number(line.dataset.secondsLeft) * 1000;
  const words = line.querySelector("[data-seconds]");
  const before = line.dataset.words || "Sent in";
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) {
      words.textContent = `${before} ${left} ${left === 1 ? "second" : "seconds"}.`;
      window.setTimeout(tick, 250);
      return;
    }
    window.location.reload();
  };
  tick();
})();
