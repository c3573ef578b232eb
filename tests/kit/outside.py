"""An etl installed into a folder, and what is built with it from outside of its tree."""
import os
import pathlib
import subprocess


class Failure(Exception):
    pass


class Outside:
    def __init__(self, build: pathlib.Path, folder: pathlib.Path):
        self.folder = folder
        root = folder / "root"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ETL_")}
        self.env = {**clean, "HOME": str(folder)}
        self.run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root)
        found = sorted(root.rglob("etl.pc"))
        if len(found) != 1:
            raise Failure(f"the installation has not one etl.pc: {found}")
        self.env |= {"PKG_CONFIG_PATH": str(found[0].parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}
        self.executable = next(root.rglob("bin/etl"))

    def run(self, *words, cwd=None, status=0):
        done = subprocess.run([str(w) for w in words], env=self.env, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode != status:
            raise Failure(f"{' '.join(str(w) for w in words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def pipeline(self, name, plugins, text):
        (self.folder / "pipelines.d").mkdir(exist_ok=True)
        (self.folder / "etl.conf").write_text(f'plugin_dirs = [ "{plugins}" ];\ncache_dir = "{self.folder}/cache";\n')
        (self.folder / f"pipelines.d/{name}.conf").write_text(text)

    def etl(self, *words, status=0):
        return self.run(self.executable, "-c", self.folder / "etl.conf", *words, status=status)
