// Asks for the newest figures every second. The page knows nothing of tokens.

const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

async function poll() {
  try {
    const reply = await fetch("figures.json", { cache: "no-store" });
    if (!reply.ok) throw new Error(`${reply.status}`);
    const { load, time } = await reply.json();
    show("load", load.toFixed(2));
    show("time", time);
    show("note", "");
  } catch (error) {
    show("note", `No figures: ${error.message}`);
  }
  setTimeout(poll, 1000);
}

poll();
