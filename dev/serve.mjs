// `make dev`: every function in one local workerd, seeded and ticking.
// Run through make, or after: eval "$(dev/setup.sh)" && dev/build.sh workers
//   "$KEYWRIGHT_NODE" dev/serve.mjs [--no-seed] [--no-ticks] [--quiet]

import { run } from './serve/instance.mjs';
import { WorkersHost } from './serve/workers.mjs';

await run(
  (instance, all) => new WorkersHost(instance, all),
  (port) => String(port),
);
