// electron-updater's own generic provider, its parser and its download with the
// check of SHA-512, against a running instance. Electron itself is not needed:
// the provider asks through an executor, which here is Node's HTTP client.
//
//   node electron.mjs NODE_MODULES FEED_URL CHANNEL PLATFORM INSTALLATION [TOKEN]
//
// Prints one line of JSON: what the provider read, and what it downloaded.

import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";

const [modules, url, channel, platform, installation, token] = process.argv.slice(2);
const require = createRequire(path.join(modules, "x.js"));
const { GenericProvider } = require("electron-updater/out/providers/GenericProvider.js");
const { HttpExecutor, CancellationToken, configureRequestOptions } = require("builder-util-runtime");

class NodeExecutor extends HttpExecutor {
  createRequest(options, callback) {
    return http.request(options, callback);
  }

  // Follows redirects, and checks the digest of what arrives.
  fetch(url, destination, sha512) {
    const options = { headers, sha512, skipDirCreation: true, cancellationToken: new CancellationToken() };
    return new Promise((resolve, reject) => {
      const request = configureRequestOptions({ headers: { ...headers } });
      Object.assign(request, { hostname: url.hostname, port: url.port, path: url.pathname + url.search });
      const callback = (error) => (error ? reject(error) : resolve());
      const onCancel = () => {};
      this.doDownload(request, { destination, options, onCancel, callback, responseHandler: null }, 0);
    });
  }
}

const executor = new NodeExecutor();
const updater = { channel: channel || null, isAddNoCacheQuery: true };
const provider = new GenericProvider({ provider: "generic", url }, updater, {
  executor,
  platform,
  isUseMultipleRangeRequest: true,
});
const headers = { "x-user-staging-id": installation };
if (token) headers.authorization = `Bearer ${token}`;
provider.setRequestHeaders(headers);

const info = await provider.getLatestVersion();
const files = provider.resolveFiles(info);
const folder = mkdtempSync(path.join(tmpdir(), "keywright-electron-"));
const downloads = [];
try {
  for (const [index, file] of files.entries()) {
    const target = path.join(folder, String(index));
    const download = (sha512) => executor.fetch(file.url, target, sha512);
    await download(file.info.sha512);
    const content = readFileSync(target, "utf8");
    // The same download under another digest has to fail, or the check is none.
    const other = Buffer.alloc(64).toString("base64");
    const refused = await download(other).then(
      () => null,
      (error) => error.code,
    );
    downloads.push({ url: file.url.href, size: file.info.size, content, refused });
  }
} finally {
  rmSync(folder, { recursive: true });
}
// Whatever connection is still open is of no use to anybody.
process.stdout.write(`${JSON.stringify({ info, downloads })}\n`, () => process.exit(0));
