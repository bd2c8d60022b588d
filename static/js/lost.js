// The page for unknown paths, in the vendor's name.

import { brand } from "./brand.js";

brand();
