// The page's face: wishes go to the server it comes from, events come back as lines.

function askServer(wish, tell) {
  const leaving = new AbortController();
  const lost = "The studio does not answer. Is its command still running?";
  (async () => {
    let last = "";
    try {
      const answer = await fetch("paint", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(wish),
        signal: leaving.signal,
      });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        const lines = (text + (value ?? "")).split("\n");
        text = done ? "" : lines.pop();
        for (const line of lines.filter((l) => l)) {
          const event = JSON.parse(line);
          last = event.kind;
          tell(event);
        }
        if (done) break;
      }
      if (last === "began" || last === "frame" || !last) tell({ kind: "failed", message: lost });
    } catch (error) {
      if (!leaving.signal.aborted) tell({ kind: "failed", message: error instanceof TypeError ? lost : String(error) });
    }
  })();
  return () => leaving.abort();
}

const place = document.getElementById("studio");
try {
  const about = await (await fetch("about")).json();
  place.replaceChildren();
  studio(place, about, askServer);
  place.querySelector("input[name=prompt]").focus();
} catch (error) {
  place.textContent = `The studio could not start: ${error}`;
}
