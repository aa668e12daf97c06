// Tells the stylesheet and the NHS components that scripts run. First thing in <body>, so that
// nothing jumps; a file and not inline because the page's policy forbids inline scripts.
document.body.className +=
  " js-enabled" + ("noModule" in HTMLScriptElement.prototype ? " nhsuk-frontend-supported" : "");
