// `make spin`: the same under a real Spin; see dev/spin.sh.

import { run } from './serve/instance.mjs';
import { SpinHost } from './serve/spin-host.mjs';

await run(
  (instance) => new SpinHost(instance),
  (port) => `spin-${port}`,
);
