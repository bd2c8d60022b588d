// A page that is not there, in the vendor's name.

import { brand } from "./brand.js";

brand();
