// What the labeller asks the server for beside labels: steps to undo, suggestions, reasons, classes.

/** POST a question with the labeller's token. @returns {Promise<any>} the answer; throws a sentence */
export async function ask(labeller, url, body) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${labeller.outbox.token}`,
      },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  if (response.status === 401) labeller.expired();
  let reply = {};
  try {
    reply = await response.json();
  } catch {
    // Something between here and the server answered; the sentence below must do.
  }
  if (response.ok) return reply;
  throw new Error([reply.error, reply.remedy].filter(Boolean).join(" ") || "The server refused.");
}
