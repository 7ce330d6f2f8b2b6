// Drives one client, and prints what it saw as JSON: `node run.mjs CLIENT URL MODEL thoughts|no-thoughts`.

const [client, url, model, thoughts] = process.argv.slice(2);
const { actions } = await import(`./${client}.mjs`);
const seen = {};
for (const [name, act] of Object.entries(actions({ url, model }))) {
  if (thoughts === "no-thoughts" && name.startsWith("thoughts")) continue;
  try {
    seen[name] = await act();
  } catch (error) {
    seen[name] = `failed: ${error?.stack ?? error}`;
  }
}
process.stdout.write(JSON.stringify(seen), () => process.exit());
