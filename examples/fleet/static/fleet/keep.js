// In a frame of a guarded page, on the portal's origin. The client renews the access token while the
// page is shown.

import { createClient } from "../djwto/client.js";

const auth = createClient({
  prefix: document.querySelector("meta[name=cookie-prefix]").content,
});

// The client knows of a logout in other tabs at once, and of one elsewhere at the next renewal.
auth.onChange((claims) => {
  if (claims === null) parent.postMessage("djwto-ended", "*");
});
