// For pages on guarded hosts, whose program knows nothing of djwto. It keeps the login alive, and
// leaves the page when the login has ended.

const { origin } = new URL(document.currentScript.src);

const frame = document.createElement("iframe");
frame.src = `${origin}/keep/`;
frame.hidden = true;
frame.title = "Keeps the login";
document.documentElement.append(frame);

addEventListener("message", (event) => {
  const isEnd = event.source === frame.contentWindow && event.data === "djwto-ended";
  // The guard sends a navigation to the login. The page's sockets close with it.
  if (isEnd && event.origin === origin) location.reload();
});
