// Tells the stylesheet and the NHS components that scripts run. First thing in <body>, so that
// nothing jumps; a file and not inline because the page's policy forbids inline scripts.
document.body.className +=
  " js-enabled" + ("noModule" in HTMLScriptElement.prototype ? " nhsuk-frontend-supported" : "");

// The script that answers the keys comes after the page. Whoever is quicker than that must not
// press in vain: Control and Enter is kept here until app.js is there to take it. Pressing the
// button at once would send a form of which half has not arrived.
window.keyBefore = null;
window.keepKey = (event) => {
  if (event.isComposing || event.repeat || event.key !== "Enter" || !event.ctrlKey) return;
  event.preventDefault();
  window.keyBefore = event;
};
document.addEventListener("keydown", window.keepKey);
