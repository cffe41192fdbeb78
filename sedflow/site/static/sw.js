// Keeps every file of the site, so that it opens again without a network. The list and its hashes are those of
// data/site.json: a site that was written again has other hashes, and its files are fetched anew.

const NAME = "sedflow-site";

self.addEventListener("install", () => self.skipWaiting());

// The page says when it has nothing else to do (engine/offline.js): on a first visit the same files come to it, and
// whatever a page that is claimed asks for waits until this worker is active.
self.addEventListener("message", (event) => {
  if (event.data === "keep") event.waitUntil(keepAll());
});

/** Fetch what the manifest lists and what is not there yet. */
async function keepAll() {
  const cache = await caches.open(NAME), scope = self.registration.scope;
  const answer = await fetch(`${scope}data/site.json`, { cache: "no-cache" });
  const old = await (await cache.match(`${scope}data/site.json`))?.json(), site = await answer.clone().json();
  for (const [path, file] of Object.entries(site.files ?? {})) {
    const address = `${scope}${path}`;
    if (old?.files?.[path]?.sha256 === file.sha256 && (await cache.match(address))) continue;
    const found = await fetch(address, { cache: "no-cache" });
    // What is damaged, or of another version, is not kept: the next visit asks again.
    if (!found.ok || (await hashOf(found.clone())) !== file.sha256) throw new Error(`${path} is not what data/site.json says`);
    await cache.put(address, found);
  }
  const page = await fetch(scope, { cache: "no-cache" });
  await cache.put(scope, page.clone());
  await cache.put(`${scope}index.html`, page);
  await cache.put(`${scope}data/site.json`, answer);
}

/** @param {Response} found */
async function hashOf(found) {
  const digest = await crypto.subtle.digest("SHA-256", await found.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  event.respondWith(answer(request));
});

/** From the network where there is one, so that a new site appears at once; else what was kept. */
async function answer(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const cache = await caches.open(NAME);
    const kept = (await cache.match(request, { ignoreSearch: true })) ?? (request.mode === "navigate" ? await cache.match(self.registration.scope) : null);
    if (kept) return kept;
    throw error;
  }
}
