#!/usr/bin/python3
"""A check that cannot fail is worth nothing: connectors that break one rule each are found out by the case that is there for it.

    broken.py BUILD_DIR
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# file, how, case, what it says
RULES = [line.split(None, 3) for line in r"""
extractor keeps_strings read crashed
extractor one_self instances same.\*self
extractor self_on_failure option_limits left.something
extractor leaks_memory leaks memory.grows
extractor leaks_file leaks open.files.grew
extractor leaks_buffer read never.freed
extractor exact_size growth this.host.is.another
extractor reads_past read crashed.in.reader_open
extractor reads_past older_host crashed.in.reader_open
extractor discover_changes discover another.one
extractor same_shard discover two.shards
extractor no_schema read no.schema.was.told
extractor bad_offsets read offsets
extractor bad_utf8 read not.UTF-8
extractor bad_null_count read null_count.is.77
extractor bad_length read has.the.length
extractor row_after_done read after.ETL_DONE
extractor flags_lie read flags.say.otherwise
extractor loses_row resume rows
extractor doubles_row resume rows
extractor cursor_missing resume without.a.cursor
extractor limit_ignored limit safe.point
extractor fails_when_cancelled cancel fails.when.it.is.cancelled
extractor piece_lost pieces the.pieces.have.99.rows
extractor piece_doubled pieces the.pieces.have.101.rows
extractor crash_on_cursor strange_cursor SIGABRT
extractor no_reason read no.reason
extractor two_lines read message
extractor strange_status read status.7
extractor frees_twice read freed.before
extractor writes_past read past.its.end
extractor bad_metric read metric
extractor scratch_cursor read crashed
extractor no_memory_crash no_memory crashed
extractor any_extension extensions not.answered.with.NULL
extractor check_fails check nobody.is.there
extractor exits read ended.the.process
extractor crash_on_cancel cancel_idle crashed.in.cancel
extractor crash_on_close open_close crashed.in.close
transformer keeps_rows process left.the.rows
transformer releases_twice process released.twice
transformer leaks_rows process never.released
transformer uses_rows_later process crashed
transformer crash_on_empty process crashed.in.process.*SIGABRT
transformer ignores_offset slices other.values
transformer undeclared_stream process not.declared
transformer other_columns process children
transformer emits_cursor process flags
transformer ignores_sink sink emit\(\).gave
transformer goes_on sink messages.were.emitted.after
transformer forgets_rebind rebind crashed
transformer releases_schema bind released.the.schema
transformer crash_on_type bind crashed.in.bind
transformer no_output bind declared.no.output
transformer same_name bind two.outputs
transformer wrong_class bind class.auth
transformer one_by_one threads crashed.in.process
loader forgets_commit commit tells.epoch
loader abort_commits abort tells.epoch
loader abort_once abort abort\(\).again
loader no_fence fence was.committed
loader old_claim fence is.not.refused
loader same_owner fence comes.after
loader any_epoch epochs was.committed
loader cuts_cursor cursors another.cursor
loader no_note cursors note
loader ignores_forget cursors still.told
loader tells_twice commit twice
loader keeps_rows values left.the.rows
loader crash_on_null values crashed.in.write
loader one_schema streams crashed.in.write
loader careful_fails careful careful.epoch.failed
loader too_many_bad careful were.set.aside
loader releases_schema values released.the.schema
loader reads_past commit crashed.in.begin
loader uses_cursor_later commit crashed.in.commit
note_version - note has.the.version
note_kinds - note there.is.none.in.the.file
any_major - entry is.not.refused
opens_file - entry opens.files
starts_thread - entry starts.threads
new_each_time - entry another.descriptor
bad_name - descriptor its.name.is
loaders_caps - descriptor capabilities
no_license - descriptor license
no_doc - options no.sentence
required_default - options required.and.has
bad_default - options default
""".strip().splitlines()]


class Broken:
    def __init__(self, build, folder):
        self.etl, self.plugins, self.folder = build / "host/etl", build / "tests/kit/broken", folder

    def run(self, file, how, *words):
        argv = [self.etl, "plugin", "check", self.plugins / f"broken_{file}.so", "--seed", "1", *words]
        if how != "-":
            argv += ["--option", f"how={how}"]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=self.folder)

    def sound(self, kind):
        done = self.run(kind, "none")
        return [] if done.returncode == 0 and " ok\n" in done.stdout else [f"broken_{kind} breaks a rule although it was told to keep them all:\n{done.stdout}"]

    def found(self, file, how, case, says):
        done = self.run(file, how, "--only", case)
        if done.returncode == 1 and re.search(rf"{case} +FAILED: .*{says}", done.stdout):
            return []
        return [f"{file} {how}: the case '{case}' does not say /{says}/ but:\n{done.stdout}{done.stderr}"]


def main():
    with tempfile.TemporaryDirectory(prefix="etl-broken-") as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        b = Broken(pathlib.Path(sys.argv[1]).resolve(), folder)
        jobs = [pool.submit(b.sound, kind) for kind in ("extractor", "transformer", "loader")] + [pool.submit(b.found, *rule) for rule in RULES]
        findings = [job.result() for job in jobs]
    for finding in findings:
        print("".join(finding), end="")
    failed = sum(map(bool, findings))
    print(f"{len(findings) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
