// A printed link signs in by itself. The form makes the request one of this origin, and the ticket leaves the address, and with it the history.
history.replaceState(null, "", "/ui/sign-in");
/** @type {HTMLFormElement} */ (document.getElementById("ticket")).requestSubmit();
