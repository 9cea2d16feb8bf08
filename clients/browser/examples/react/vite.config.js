import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `make demo`, with a certificate that it signed itself. The browser sees one origin.
const portal = { target: "https://localhost:8002", changeOrigin: false, secure: false };

export default defineConfig({
  base: "./",
  plugins: [react()],
  // The client stands beside this folder, and has React for its own tests.
  resolve: { dedupe: ["react", "react-dom"] },
  server: { proxy: { "/login": portal, "/csrf": portal, "/session": portal, "/api": portal } },
});
