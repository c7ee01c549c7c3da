"use strict";
// Fills the hidden time zone of sign-up forms. Without it the newsletter's own zone is used.
for (const field of document.querySelectorAll("[data-zone]")) {
  try {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  } catch {
    field.value = "";
  }
}
