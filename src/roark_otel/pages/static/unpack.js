// Unpacks the page of a saved file, whose style and script are one packed text in it. The policy of the file has their
// hashes, so nothing else runs.

/** @param {string} packed Base64 of the style and the script, with a zero between them. */
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const [style, script] = (await new Response(plain).text()).split("\0");
  const styles = document.createElement("style");
  const scripts = document.createElement("script");
  styles.textContent = style;
  scripts.type = "module";
  scripts.textContent = script;
  document.head.append(styles, scripts);
}

const app = document.getElementById("app");
if ("DecompressionStream" in window) {
  void unpack(document.getElementById("packed")?.textContent ?? "");
} else if (app) {
  app.textContent = "This browser is too old to draw the page. The call is in the file as JSON.";
}
