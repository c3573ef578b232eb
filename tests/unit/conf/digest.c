/* When two readings of a pipeline say the same. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "loading.h"

TestSuite(digest, .init = loading_init, .fini = tmpdir_leave);

static uint64_t digest_of(const char *main_text, const char *pipeline) {
  struct conf *c = NULL;
  tmpdir_write("etl.conf", "%s", main_text);
  tmpdir_write("pipelines.d/p.conf", "%s", pipeline);
  char *said = load_and_say("etl.conf", NULL, &c);
  cr_assert(c, "%s", said);
  uint64_t digest = c->pipelines[0].digest;
  free(said);
  conf_free(c);
  return digest;
}

#define MAIN "connections = { x = { plugin = \"b\"; host = \"h\"; }; };\n"
#define PIPELINE "extract = { plugin = \"a\"; list = [ \"1\", \"2\" ]; n = 5; };\nload = { connection = \"x\"; };\n"

Test(digest, same_settings) {
  uint64_t digest = digest_of(MAIN, PIPELINE);
  cr_expect_eq(digest_of(MAIN "# a remark\n", "# another\n\n" PIPELINE), digest);
  cr_expect_eq(digest_of(MAIN, "load = { connection = \"x\"; };\nextract : { n = 5, list = [ \"1\", \"2\" ]; plugin = \"a\"; }\n"), digest, "in another order");
  cr_expect_eq(digest_of("connections = { x = { host = \"h\"; plugin = \"b\"; }; y = { plugin = \"c\"; }; };\n", PIPELINE), digest, "a connection of others");
}

Test(digest, other_settings) {
  static const char *const others[] = {
      "description = \"\";\n" PIPELINE,
      "extract = { plugin = \"a\"; list = [ \"2\", \"1\" ]; n = 5; };\nload = { connection = \"x\"; };\n",
      "extract = { plugin = \"a\"; list = [ \"1\", \"2\" ]; n = 6; };\nload = { connection = \"x\"; };\n",
      "extract = { plugin = \"a\"; list = [ \"1\", \"2\" ]; n = \"5\"; };\nload = { connection = \"x\"; };\n",
      "extract = { plugin = \"a\"; list = [ \"1\", \"2\" ]; m = 5; };\nload = { connection = \"x\"; };\n",
      "extract = { plugin = \"a\"; list = [ \"1\", \"2\" ]; n = 5; };\nload = { connection = \"x\"; host = \"g\"; };\n",
      "extract = { plugin = \"a\"; list = [ \"1\", \"2\" ]; n = 5; };\ntransforms = ( { plugin = \"t\"; } );\nload = { connection = \"x\"; };\n",
  };
  uint64_t digest = digest_of(MAIN, PIPELINE);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    cr_expect_neq(digest_of(MAIN, others[i]), digest, "%s", others[i]);
  cr_expect_neq(digest_of("connections = { x = { plugin = \"b\"; host = \"g\"; }; };\n", PIPELINE), digest, "its connection is another one");
}

Test(digest, values_of_variables) {
  static const char pipeline[] = "extract = { plugin = \"a\"; s = \"${file:../secret}\"; };\nload = { plugin = \"b\"; };\n";
  tmpdir_write("secret", "one");
  uint64_t digest = digest_of(MAIN, pipeline);
  tmpdir_write("secret", "two");
  cr_expect_neq(digest_of(MAIN, pipeline), digest);
}
