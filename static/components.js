// Starts the NHS components of the page (menu, error summary, character count, ...).
import { initAll } from "./nhsuk/nhsuk-frontend.min.js";

initAll();
