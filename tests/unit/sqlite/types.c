/* Types as tables declare them. */
#include <criterion/criterion.h>

#include "types.h"

Test(types, declared) {
  static const struct {
    const char *declared, *format, *extension; /* format NULL: it says nothing */
  } cases[] = {{"INTEGER", "l", NULL},      {"bigint unsigned", "l", NULL}, {"VARCHAR(10)", "u", NULL},         {"text", "u", NULL},
               {"DOUBLE PRECISION", "g", NULL}, {"Float", "g", NULL},       {"BLOB", "z", NULL},                {"VARBINARY(8)", "z", NULL},
               {"bool", "b", NULL},         {"Boolean", "b", NULL},         {"DATE", "tdD", NULL},              {"datetime", "tsu:", NULL},
               {"TIMESTAMPTZ", "tsu:UTC", NULL}, {"TIMESTAMP_NS", "tsn:", NULL}, {"TIME", "ttu", NULL},         {"DECIMAL(10,2)", "d:10,2", NULL},
               {"numeric( 5 )", "d:5,0", NULL}, {"DECIMAL_TEXT(38,10)", "d:38,10", NULL}, {"UUID", "w:16", "arrow.uuid"}, {"JSON", "u", "arrow.json"},
               {"", NULL, NULL},            {NULL, NULL, NULL},             {"MONEY", NULL, NULL},              {"DECIMAL", NULL, NULL},
               {"DECIMAL(99,2)", NULL, NULL}, {"DECIMAL(2,5)", NULL, NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char format[TYPE_BYTES] = "";
    const char *extension = NULL, *shown = cases[i].declared ? cases[i].declared : "(none)";
    bool known = type_of_declared(cases[i].declared, format, &extension);
    cr_expect(known == (cases[i].format != NULL), "%s", shown);
    cr_expect(!known || strcmp(format, cases[i].format) == 0, "%s is %s", shown, format);
    cr_expect(!known || !cases[i].extension == !extension, "%s", shown);
  }
}

/* What a table made here declares is read as the same type again, but for the width of integers and floats. */
Test(types, there_and_back) {
  static const char *const formats[][3] = {{"b", NULL, "b"},      {"s", NULL, "l"},        {"l", NULL, "l"},           {"f", NULL, "g"},
                                           {"g", NULL, "g"},      {"u", NULL, "u"},        {"z", NULL, "z"},           {"tdD", NULL, "tdD"},
                                           {"ttu", NULL, "ttu"},  {"ttn", NULL, "ttn"},    {"tsu:", NULL, "tsu:"},     {"tsn:UTC", NULL, "tsn:UTC"},
                                           {"tss:Europe/Berlin", NULL, "tsu:UTC"},         {"d:10,2", NULL, "d:10,2"}, {"d:38,10", NULL, "d:38,10"},
                                           {"d:18,0", NULL, "d:18,0"}, {"L", NULL, "d:20,0"}, {"w:16", "arrow.uuid", "w:16"}, {"u", "arrow.json", "u"}};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    struct ArrowSchema s;
    char type[TYPE_BYTES], format[TYPE_BYTES];
    const char *extension = NULL;
    cr_assert(etl_schema_init(&s, 1) == 0 && etl_schema_set(&s, 0, "x", formats[i][0], true, NULL, formats[i][1]) == 0);
    cr_expect(type_declared(s.children[0], type), "%s", formats[i][0]);
    cr_expect(type_of_declared(type, format, &extension) && strcmp(format, formats[i][2]) == 0, "%s is %s, which is %s", formats[i][0], type, format);
    cr_expect(!extension == !formats[i][1], "%s", formats[i][0]);
    s.release(&s);
  }
}
