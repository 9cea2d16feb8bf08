// Who sent this request? For a service behind djwto-server. It needs `npm install jose`.
import { createRemoteJWKSet, jwtVerify } from "jose";

const {
  ISSUER = "https://portal.example.com",
  AUDIENCE = "models.example.com",
  KEYS = "http://127.0.0.1:9901/.well-known/djwto-assertions.json",
} = process.env;

const keys = createRemoteJWKSet(new URL(KEYS), { cacheMaxAge: 300_000 });

/** Resolves to the user's primary key, as text. Rejects where the assertion is not good. */
export async function userOf(assertion) {
  const { payload } = await jwtVerify(assertion, keys, {
    issuer: ISSUER,
    audience: AUDIENCE,
    typ: "djwto-assertion+jwt",
    algorithms: ["EdDSA", "Ed25519"],
    requiredClaims: ["exp", "sub"],
  });
  return payload.sub;
}

if (process.env.ASSERTION) {
  console.log(await userOf(process.env.ASSERTION));
}
