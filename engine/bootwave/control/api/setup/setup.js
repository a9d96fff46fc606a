// What stands behind # is sent to no server, so that no log on the way has the token.
"use strict";
const token = document.getElementById("token");
if (token && location.hash.length > 1) {
  token.setAttribute("value", location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  document.getElementById("name").focus();
}
