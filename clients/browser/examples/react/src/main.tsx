import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

import { createClient, DjwtoError } from "djwto";
import { useClaims, usePermission } from "djwto/react";

const auth = createClient();

function App() {
  const claims = useClaims(auth);
  if (claims === undefined) return <p>One moment …</p>;
  return claims ? <Account name={String(claims.user.username)} /> : <Login />;
}

function Login() {
  const [error, setError] = useState("");

  async function logIn(fields: FormData) {
    try {
      await auth.login(fields);
    } catch (refusal) {
      if (!(refusal instanceof DjwtoError)) throw refusal;
      const messages = Object.values(refusal.errors).flat().map(({ message }) => message);
      setError(messages.join(" ") || refusal.error);
    }
  }

  return (
    <form action={logIn}>
      <label>User name <input name="username" autoComplete="username" required /></label>
      <label>Password
        <input name="password" type="password" autoComplete="current-password" required /></label>
      <button>Log in</button>
      <p role="alert">{error}</p>
    </form>
  );
}

function Account({ name }: { name: string }) {
  const mayList = usePermission(auth, "predictions.view_prediction");
  const [reply, setReply] = useState("");

  async function call() {
    const response = await auth.fetch("/api/account/", { method: "POST" });
    setReply(await response.text());
  }

  return (
    <>
      <p>Logged in as <b>{name}</b></p>
      <button onClick={call}>Who am I?</button>
      {mayList && <a href="/api/predictions/">Past predictions</a>}
      <button onClick={() => auth.logout()}>Log out</button>
      <pre>{reply}</pre>
    </>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><App /></StrictMode>);
