# A wheel with one module: python wheel.py PATH

import sys
import zipfile

name = "sold_wheel-1.2.0.dist-info"
files = {
    "sold_wheel.py": 'SAYS = "what was paid for"\n',
    f"{name}/METADATA": "Metadata-Version: 2.1\nName: sold-wheel\nVersion: 1.2.0\n",
    f"{name}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[f"{name}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{name}/RECORD"])
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for file, text in files.items():
        wheel.writestr(file, text)
