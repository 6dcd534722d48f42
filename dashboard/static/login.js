// Where somebody wanted to go goes along through the login: the fragment of the address, which no server sees, stands in the form's
// address, and the browser hands it on when the hub answers with the way to its page. It can lead to no other site.

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
form.addEventListener("submit", () => form.setAttribute("action", `login${location.hash}`));
