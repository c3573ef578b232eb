/* geoip.so through its ABI, over small mmdb files made for it ($ETL_TEST_MMDB is their folder). */
#include <stdlib.h>
#include <unistd.h>

#include "drive.h"
#include "tap.h"

enum {
  PATH_BYTES = 512
};
struct files {
  char all[PATH_BYTES], city[PATH_BYTES], asn[PATH_BYTES], cut[PATH_BYTES];
};

static void test_json(struct tap *t, const struct files *f) {
  static const char *const ips[] = {
      "192.0.2.1",       NULL,       "203.0.113.200", "2001:db8:1::7", "[2001:db8:2::1]:443", "::ffff:192.0.2.1",
      "198.51.100.9:80", "10.0.0.1", "fe80::1%eth0",  "2001:db8:4::1", "not an address",      ""};
  struct drive d;
  CHECK(t, drive_open(&d, "geoip", (const char *const[]){"column", "ip", "database", f->all, NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "ip", ips, 12) == ETL_OK && d.out[0].rows.length == 12);
  CHECK_TEXT(t, drive_cell(&d, 0, "location"),
             "{\"country\":\"DE\",\"city\":\"Berlin\",\"latitude\":52.5244,\"longitude\":13.4105,\"asn\":64496,\"as_org\":"
             "\"Example Netz GmbH\"}");
  CHECK_TEXT(t, drive_cell(&d, 0, "ip"), "192.0.2.1");
  CHECK_TEXT(t, drive_cell(&d, 1, "location"), "NULL");
  CHECK_HAS(t, drive_cell(&d, 2, "location"), "\"as_org\":\"Example \\\"Down Under\\\" Pty\"");
  CHECK_HAS(t, drive_cell(&d, 3, "location"), "\"city\":\"Hamburg\"");
  CHECK_HAS(t, drive_cell(&d, 4, "location"), "\"city\":\"Chicago\"");
  CHECK_TEXT(t, drive_cell(&d, 5, "location"), drive_cell(&d, 0, "location"));
  CHECK_HAS(t, drive_cell(&d, 6, "location"), "\"country\":\"FR\"");
  CHECK_TEXT(t, drive_cell(&d, 7, "location"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 8, "location"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 9, "location"),
             "{\"country\":\"ES\",\"latitude\":40.4172,\"longitude\":-3.684,\"asn\":64506,\"as_org\":\"Red de Ejemplo\"}");
  CHECK_TEXT(t, drive_cell(&d, 10, "location"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 11, "location"), "NULL");
  CHECK(t, testhost_counter(&d.t, "geoip_invalid") == 2 && d.t.bad_n == 0);
  uint64_t n = 0;
  CHECK(t, etl_schema_meta(d.out[0].schema.children[0], ETL_META_SOURCE_TYPE, &n) && n == 12);
  CHECK(t, memcmp(etl_schema_meta(d.out[0].schema.children[1], ETL_META_EXTENSION, &n), "arrow.json", 10) == 0);
  drive_close(&d);
}

static void test_columns(struct tap *t, const struct files *f) {
  static const char *const ips[] = {"192.0.2.200", "nowhere", "198.51.100.1", NULL, "41.190.7.7"};
  struct drive d;
  CHECK(t, drive_open(&d, "geoip",
                      (const char *const[]){
                          "column", "ip", "into", "geo", "database", f->city, "more_databases", f->asn, "as", "columns", "language",
                          "de", "on_invalid", "reject", "fields",
                          "country_name|city|latitude|asn|region|postal|timezone|continent|accuracy_radius|zone=location.time_zone|"
                          "country.iso_code",
                          NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "ip", ips, 5) == ETL_OK && d.out[0].rows.length == 4);
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_country_name"), "Deutschland");
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_city"), "München");
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_latitude"), "48.1374");
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_asn"), "64496");
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_region"), "Bavaria");
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_accuracy_radius"), "20");
  CHECK_TEXT(t, drive_cell(&d, 0, "geo_zone"), "Europe/Berlin");
  CHECK_TEXT(t, drive_cell(&d, 1, "geo_country_iso_code"), "FR");
  CHECK_TEXT(t, drive_cell(&d, 1, "geo_continent"), "EU");
  CHECK_TEXT(t, drive_cell(&d, 1, "ip"), "198.51.100.1");
  CHECK_TEXT(t, drive_cell(&d, 2, "ip"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 2, "geo_asn"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 3, "geo_postal"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 3, "geo_timezone"), "Africa/Lagos");
  CHECK(t, d.t.bad_n == 1 && d.t.bad[0].row == 1 && d.t.bad[0].column == 0);
  CHECK(t, strstr(d.t.bad[0].message, "nowhere") == NULL);
  drive_close(&d);
}

/* A batch whose struct array and columns begin in the middle, between two other columns. */
static void test_slice(struct tap *t, const struct files *f, const char *on_invalid) {
  static const char *const cells[] = {NULL, "192.0.2.1", "x", NULL, "198.51.100.1", NULL, "c", NULL, "z",
                                      "d",  "bad",       "y", "e",  "203.0.113.1",  "w"};
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  CHECK(t, drive_open(&d, "geoip",
                      (const char *const[]){"column", "ip", "database", f->all, "on_invalid", on_invalid, "fields", "country",
                                            NULL}) == ETL_OK);
  drive_schema(&s, (const char *const[]){"before", "u", "ip", "u", "after", "u", NULL});
  CHECK(t, drive_bind(&d, &s, (const char *const[]){"before", NULL}) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "before");
  drive_batch(&d, &s, cells, 5, &rows);
  rows.offset = 1;
  rows.length = 4;
  CHECK(t, drive_process(&d, &rows) == ETL_OK);
  bool rejects = strcmp(on_invalid, "reject") == 0;
  CHECK(t, d.out[0].rows.length == (rejects ? 3 : 4));
  int64_t nulls = d.out[0].rows.children[0]->null_count; /* of the slice, not of the batch around it */
  CHECK(t, nulls == 1 || nulls == -1);
  CHECK_TEXT(t, drive_cell(&d, 0, "before"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 0, "location"), "{\"country\":\"FR\"}");
  CHECK_TEXT(t, drive_cell(&d, 0, "after"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 1, "before"), "c");
  CHECK_TEXT(t, drive_cell(&d, 1, "location"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, rejects ? 2 : 3, "before"), "e");
  CHECK_TEXT(t, drive_cell(&d, rejects ? 2 : 3, "location"), "{\"country\":\"US\"}");
  CHECK_TEXT(t, drive_cell(&d, rejects ? 2 : 3, "after"), "w");
  CHECK(t, d.t.bad_n == (rejects ? 1 : 0) && (!rejects || d.t.bad[0].row == 2));
  s.release(&s);
  drive_close(&d);
}

static void refused(struct tap *t, const char *const *options, uint32_t error_class, const char *option, const char *message,
                    const char *remedy) {
  struct drive d;
  CHECK(t, drive_open(&d, "geoip", options) == ETL_FAILED && d.self == NULL);
  CHECK(t, d.t.error.error_class == error_class);
  CHECK_TEXT(t, d.t.option, option);
  CHECK_HAS(t, d.t.message, message);
  CHECK_HAS(t, d.t.remedy, remedy);
  drive_close(&d);
}

static void test_bad_options(struct tap *t, const struct files *f) {
  refused(t, (const char *const[]){"column", "ip", "database", "/nonexistent/x.mmdb", NULL}, ETL_E_CONFIG, "database",
          "/nonexistent/x.mmdb: No such file or directory", "correct the path");
  refused(t, (const char *const[]){"column", "ip", "database", f->cut, NULL}, ETL_E_CONFIG, "database",
          "is not a usable mmdb database", "fetch the file again");
  refused(t, (const char *const[]){"column", "ip", "database", f->all, "more_databases", "x.mmdb", NULL}, ETL_E_CONFIG,
          "more_databases", "not an absolute path", "from / on");
  refused(t, (const char *const[]){"column", "ip", "database", f->all, "fields", "country|contry", NULL}, ETL_E_CONFIG, "fields",
          "\"contry\": no such field", "known fields: country");
  refused(t, (const char *const[]){"column", "ip", "database", f->all, "fields", "city|city", NULL}, ETL_E_CONFIG, "fields",
          "twice", "known fields");
  refused(t, (const char *const[]){"column", "ip", "database", f->all, "fields", "traits..isp", NULL}, ETL_E_CONFIG, "fields",
          "empty part", "known fields");
}

static void test_bad_schema(struct tap *t, const struct files *f) {
  struct drive d;
  struct ArrowSchema s;
  drive_schema(&s, (const char *const[]){"id", "l", "ip_address", "u", "location", "u", NULL});
  CHECK(t, drive_open(&d, "geoip", (const char *const[]){"column", "ip_adress", "database", f->all, NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA);
  CHECK_HAS(t, d.t.message, "\"ip_adress\", which stream dbo.logins does not have");
  CHECK_HAS(t, d.t.remedy, "did you mean \"ip_address\"? the columns at this stage are: id, ip_address, location");
  drive_close(&d);
  CHECK(t, drive_open(&d, "geoip", (const char *const[]){"column", "id", "database", f->all, NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA);
  CHECK_HAS(t, d.t.message, "column \"id\" of stream dbo.logins is not text");
  drive_close(&d);
  CHECK(t, drive_open(&d, "geoip", (const char *const[]){"column", "ip_address", "database", f->all, NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA);
  CHECK_HAS(t, d.t.message, "already has a column \"location\"");
  CHECK_TEXT(t, d.t.option, "into");
  drive_close(&d);
  s.release(&s);
}

/* Memory refused at every possible point: an error each time, and nothing stays behind. */
static void test_no_memory(struct tap *t, const struct files *f) {
  static const char *const ips[] = {"192.0.2.1", "bad", "198.51.100.1", NULL};
  int64_t n = 0;
  for (bool done = false; !done; n++) {
    struct drive d;
    if (drive_open(&d, "geoip", (const char *const[]){"column", "ip", "database", f->all, "on_invalid", "reject", NULL}) != ETL_OK)
      break;
    d.allocs_left = n;
    int32_t rc = drive_texts(&d, "ip", ips, 4);
    done = rc == ETL_OK;
    if (!done && (rc != ETL_FAILED || d.t.error.error_class != ETL_E_PERMANENT || !strstr(d.t.message, "memory")))
      tap_check(t, false, __FILE__, __LINE__, "an error at allocation %d", (int)n);
    drive_close(&d);
  }
  CHECK(t, n > 5);
  CHECK(t, testhost_buffers() == 0);
}

static void test_limits(struct tap *t, const struct files *f) {
  static const char *const ips[] = {"bad", "192.0.2.1"};
  struct drive d;
  CHECK(t, drive_open(&d, "geoip",
                      (const char *const[]){"column", "ip", "database", f->all, "on_invalid", "reject", "cache_size", "0", NULL}) ==
               ETL_OK);
  d.t.bad_limit = 0;
  CHECK(t, drive_texts(&d, "ip", ips, 2) == ETL_FAILED);
  d.t.bad_limit = 1;
  CHECK(t, drive_texts(&d, "ip", ips, 2) == ETL_OK && d.out[0].rows.length == 1);
  CHECK(t, drive_texts(&d, "ip", ips, 1) == ETL_FAILED);
  CHECK(t, drive_texts(&d, "ip", ips + 1, 0) == ETL_OK && d.out[0].rows.length == 0);
  testhost_cancel(&d.t);
  CHECK(t, drive_texts(&d, "ip", ips + 1, 1) == ETL_STOPPED);
  drive_close(&d);
}

static int cut_short(const char *from, const char *to) {
  char bytes[3000];
  FILE *in = fopen(from, "re"), *out = fopen(to, "we");
  size_t n = in ? fread(bytes, 1, sizeof bytes, in) : 0;
  size_t w = out ? fwrite(bytes, 1, n, out) : 0;
  if (in)
    fclose(in);
  return (out ? fclose(out) : -1) == 0 && n == sizeof bytes && w == n ? 0 : -1;
}

int main(void) {
  struct tap t = {0};
  struct files f;
  const char *dir = getenv("ETL_TEST_MMDB");
  if (!dir) {
    printf("1..0 # SKIP ETL_TEST_MMDB names no folder with mmdb files\n");
    return 0;
  }
  snprintf(f.all, sizeof f.all, "%s/all.mmdb", dir);
  snprintf(f.city, sizeof f.city, "%s/city.mmdb", dir);
  snprintf(f.asn, sizeof f.asn, "%s/asn.mmdb", dir);
  snprintf(f.cut, sizeof f.cut, "%s/cut-%d.mmdb", dir, (int)getpid());
  CHECK(&t, cut_short(f.all, f.cut) == 0);
  test_json(&t, &f);
  test_columns(&t, &f);
  test_slice(&t, &f, "null");
  test_slice(&t, &f, "reject");
  test_bad_options(&t, &f);
  test_bad_schema(&t, &f);
  test_no_memory(&t, &f);
  test_limits(&t, &f);
  CHECK(&t, testhost_buffers() == 0);
  unlink(f.cut);
  return tap_end(&t);
}
