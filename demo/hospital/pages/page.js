// Reloads when something changed, unless the person is in the middle of something.
const turn = document.body.dataset.turn;
const isBusy = () =>
  /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) ||
  [...document.querySelectorAll("article details[open] :is(input:not([type=hidden]), textarea)")].some((field) => field.value);
setInterval(async () => {
  const answer = await fetch("/turn").catch(() => null);
  if (!answer || !answer.ok || (await answer.text()) === turn) return;
  if (isBusy() || document.querySelector("article details[open]")) {
    document.querySelector(".fresh").hidden = false;
  } else {
    location.reload();
  }
}, 2000);
