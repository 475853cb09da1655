#include "base/array.h"
#include "service.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <string.h>

static struct responder *responder;
static struct faults faults;
static struct device devices[2];
static struct service service;
static struct service_units units = {.endpoint = "127.0.0.1:1502", .devices = devices, .count = 2};
static struct service_reply reply;

static void setup(void)
{
    struct vessel_options options = {.setpoint_bar = 8, .sensor_range_bar = 16, .lag_s = 1, .supply_bar = 12};
    ck_assert_int_eq(responder_new(&responder, NULL), ERR_OK);
    faults_init(&faults, 1);
    ck_assert_int_eq(device_init(&devices[0], 1, &options, 1, 1), ERR_OK);
    ck_assert_int_eq(device_init(&devices[1], 7, &options, 1, 2), ERR_OK);
    service = (struct service){.responder = responder, .faults = &faults};
}

static void teardown(void)
{
    device_fini(&devices[0]);
    device_fini(&devices[1]);
    faults_fini(&faults);
    responder_free(responder);
}

static void ask(uint8_t unit, const uint8_t *pdu, size_t size)
{
    struct mbap adu = {.transaction = 0x1234, .unit = unit, .pdu = {.data = pdu, .size = size}};
    memset(&reply, 0, sizeof reply);
    service_answer(&service, &units, &adu, 0, INT64_C(1700000000000000), &reply);
}

static void assert_frame(const char *name, const uint8_t *expected, size_t size)
{
    ck_assert_msg(reply.size == size, "%s: %zu bytes", name, reply.size);
    ck_assert_msg(memcmp(reply.frame, expected, size) == 0, "%s", name);
}

static void add_fault(enum fault_kind kind)
{
    struct fault_options options = {
        .kind = (int)kind, .unit = -1, .table = IMAGE_TABLES, .chance = 1, .bytes = -1, .value = -1};
    options.delay_us = 5000;
    options.interval_us = 2000;
    ck_assert_int_eq(faults_add(&faults, &options, 0, NULL), ERR_OK);
}

static const uint8_t read_setpoint[] = {0x03, 0x00, 0x10, 0x00, 0x01};
static const uint8_t setpoint_answer[] = {0x12, 0x34, 0, 0, 0, 5, 7, 0x03, 0x02, 0x03, 0x20};

START_TEST(answers_a_read_of_the_unit_asked)
{
    ask(7, read_setpoint, sizeof read_setpoint);
    assert_frame("read", setpoint_answer, sizeof setpoint_answer);
    ck_assert_uint_eq(reply.copies, 1);
}
END_TEST

START_TEST(a_write_is_answered_and_acts_on_the_unit_alone)
{
    static const uint8_t write[] = {0x06, 0x00, 0x10, 0x01, 0xf4};
    static const uint8_t echo[] = {0x12, 0x34, 0, 0, 0, 6, 7, 0x06, 0x00, 0x10, 0x01, 0xf4};
    ask(7, write, sizeof write);
    assert_frame("write", echo, sizeof echo);
    ck_assert_double_eq_tol(devices[1].process.vessels[0].setpoint_bar, 5, 1e-9);
    ck_assert_double_eq_tol(devices[0].process.vessels[0].setpoint_bar, 8, 1e-9);
}
END_TEST

START_TEST(units_0_and_255_are_the_device_itself)
{
    ask(0, read_setpoint, sizeof read_setpoint);
    ck_assert_uint_eq(reply.frame[7], 0x03);
    ask(255, read_setpoint, sizeof read_setpoint);
    ck_assert_uint_eq(reply.frame[7], 0x03);
    ck_assert_uint_eq(reply.frame[6], 255);
}
END_TEST

START_TEST(every_function_is_answered_and_nonsense_is_refused)
{
    static const struct {
        const char *name;
        uint8_t unit;
        uint8_t pdu[16];
        size_t size;
        uint8_t function;
        uint8_t exception;
    } rows[] = {
        {"01", 1, {0x01, 0, 0, 0, 8}, 5, 0x01, 0},
        {"02", 1, {0x02, 0, 0, 0, 8}, 5, 0x02, 0},
        {"03", 1, {0x03, 0, 0, 0, 20}, 5, 0x03, 0},
        {"04", 1, {0x04, 0, 0, 0, 20}, 5, 0x04, 0},
        {"05", 1, {0x05, 0, 0, 0xff, 0}, 5, 0x05, 0},
        {"06", 1, {0x06, 0, 16, 1, 0}, 5, 0x06, 0},
        {"0F", 1, {0x0f, 0, 0, 0, 2, 1, 3}, 7, 0x0f, 0},
        {"10", 1, {0x10, 0, 16, 0, 1, 2, 1, 0}, 8, 0x10, 0},
        {"16", 1, {0x16, 0, 16, 0xff, 0xff, 0, 0}, 7, 0x16, 0},
        {"17", 1, {0x17, 0, 0, 0, 2, 0, 16, 0, 1, 2, 1, 0}, 12, 0x17, 0},
        {"2B/0E", 1, {0x2b, 0x0e, 1, 0}, 4, 0x2b, 0},
        {"07 is not offered", 1, {0x07}, 1, 0x87, MODBUS_ILLEGAL_FUNCTION},
        {"11 would tell libmodbus's version", 1, {0x11}, 1, 0x91, MODBUS_ILLEGAL_FUNCTION},
        {"user-defined", 1, {0x64, 1, 2, 3}, 4, 0xe4, MODBUS_ILLEGAL_FUNCTION},
        {"no quantity", 1, {0x03, 0, 0, 0, 0}, 5, 0x83, MODBUS_ILLEGAL_DATA_VALUE},
        {"byte count lies", 1, {0x10, 0, 16, 0, 1, 200, 1, 0}, 8, 0x90, MODBUS_ILLEGAL_DATA_VALUE},
        {"a register too far", 1, {0x03, 0, 0, 0, 21}, 5, 0x83, MODBUS_ILLEGAL_DATA_ADDRESS},
        {"reads fine but writes outside",
         1,
         {0x17, 0, 0, 0, 2, 0xff, 0xff, 0, 1, 2, 1, 0},
         12,
         0x97,
         MODBUS_ILLEGAL_DATA_ADDRESS},
        {"writes what is read only", 1, {0x06, 0, 0, 1, 0}, 5, 0x86, MODBUS_ILLEGAL_DATA_ADDRESS},
        {"an object that is not there", 1, {0x2b, 0x0e, 4, 0x55}, 4, 0xab, MODBUS_ILLEGAL_DATA_ADDRESS},
        {"a unit that is not there", 9, {0x03, 0, 0, 0, 1}, 5, 0x83, MODBUS_GATEWAY_PATH_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ask(rows[i].unit, rows[i].pdu, rows[i].size);
        ck_assert_msg(reply.frame[7] == rows[i].function, "%s: %02x", rows[i].name, reply.frame[7]);
        ck_assert_msg(rows[i].exception == 0 || (reply.size == 9 && reply.frame[8] == rows[i].exception),
                      "%s", rows[i].name);
    }
}
END_TEST

START_TEST(faults_spoil_the_frame_the_way_they_say)
{
    static const struct {
        enum fault_kind kind;
        uint8_t frame[16];
        size_t size;
    } rows[] = {
        {FAULT_TRUNCATE, {0x12, 0x34, 0, 0, 0}, 5},
        {FAULT_WRONG_TRANSACTION, {0x12, 0x35, 0, 0, 0, 5, 7, 0x03, 0x02, 0x03, 0x20}, 11},
        {FAULT_WRONG_UNIT, {0x12, 0x34, 0, 0, 0, 5, 8, 0x03, 0x02, 0x03, 0x20}, 11},
        {FAULT_WRONG_PROTOCOL, {0x12, 0x34, 0, 7, 0, 5, 7, 0x03, 0x02, 0x03, 0x20}, 11},
        {FAULT_WRONG_LENGTH, {0x12, 0x34, 0, 0, 0xff, 0xff, 7, 0x03, 0x02, 0x03, 0x20}, 11},
        {FAULT_EXCEPTION, {0x12, 0x34, 0, 0, 0, 3, 7, 0x83, 4}, 9},
        {FAULT_HOLE, {0x12, 0x34, 0, 0, 0, 3, 7, 0x83, 2}, 9},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        add_fault(rows[i].kind);
        ask(7, read_setpoint, sizeof read_setpoint);
        assert_frame(fault_kind_name(rows[i].kind), rows[i].frame, rows[i].size);
        faults_clear_all(&faults);
    }
}
END_TEST

START_TEST(faults_say_when_and_how_often_the_frame_is_sent)
{
    add_fault(FAULT_DELAY);
    ask(7, read_setpoint, sizeof read_setpoint);
    ck_assert_int_eq(reply.delay_us, 5000);
    ck_assert(!reply.late);
    add_fault(FAULT_LATE);
    add_fault(FAULT_DUPLICATE);
    add_fault(FAULT_DRIP);
    ask(7, read_setpoint, sizeof read_setpoint);
    ck_assert_int_eq(reply.delay_us, 10000);
    ck_assert(reply.late);
    ck_assert_uint_eq(reply.copies, 2);
    ck_assert_int_eq(reply.drip_us, 2000);
    assert_frame("unchanged", setpoint_answer, sizeof setpoint_answer);
}
END_TEST

START_TEST(a_serial_line_has_frames_silence_and_broadcasts_of_its_own)
{
    static const uint8_t setpoint_frame[] = {7, 0x03, 0x02, 0x03, 0x20, 0x31, 0x6c};
    static const uint8_t write[] = {0x06, 0x00, 0x10, 0x01, 0xf4};
    units.serial = true;
    ask(7, read_setpoint, sizeof read_setpoint);
    assert_frame("read", setpoint_frame, sizeof setpoint_frame);
    ask(9, read_setpoint, sizeof read_setpoint);
    ck_assert_int_eq(reply.fate, FAULT_SILENCE);
    ask(0, write, sizeof write);
    ck_assert_int_eq(reply.fate, FAULT_SILENCE);
    for (size_t i = 0; i < ARRAY_LENGTH(devices); i++) {
        ck_assert_double_eq_tol(devices[i].process.vessels[0].setpoint_bar, 5, 1e-9);
    }
}
END_TEST

START_TEST(faults_spoil_serial_frames_in_what_they_have)
{
    static const struct {
        enum fault_kind kind;
        uint8_t frame[8];
        size_t size;
    } rows[] = {
        {FAULT_TRUNCATE, {7, 0x03, 0x02, 0x03, 0x20}, 5},
        {FAULT_WRONG_UNIT, {8, 0x03, 0x02, 0x03, 0x20, 0x65, 0x6d}, 7},
        {FAULT_WRONG_CRC, {7, 0x03, 0x02, 0x03, 0x20, 0x31, 0x6d}, 7},
        {FAULT_WRONG_TRANSACTION, {7, 0x03, 0x02, 0x03, 0x20, 0x31, 0x6c}, 7},
    };
    units.serial = true;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        add_fault(rows[i].kind);
        ask(7, read_setpoint, sizeof read_setpoint);
        assert_frame(fault_kind_name(rows[i].kind), rows[i].frame, rows[i].size);
        faults_clear_all(&faults);
    }
}
END_TEST

START_TEST(the_truth_says_what_was_served_and_how)
{
    char folder[TEMPORARY_PATH_MAX];
    char path[TEMPORARY_PATH_MAX];
    temporary_folder(folder);
    ck_assert_int_eq(truth_open(temporary_path(folder, "truth", path), &service.truth, NULL), ERR_OK);
    static const uint8_t write[] = {0x06, 0x00, 0x10, 0x01, 0xf4};
    static const uint8_t coils[] = {0x01, 0x00, 0x00, 0x00, 0x03};
    static const uint8_t too_far[] = {0x03, 0x00, 0x10, 0x00, 0x7d};
    ask(7, read_setpoint, sizeof read_setpoint);
    ask(7, write, sizeof write);
    devices[0].process.vessels[0].relief_forced = true;
    ask(1, coils, sizeof coils);
    ask(7, too_far, sizeof too_far);
    add_fault(FAULT_WRONG_TRANSACTION);
    ask(7, read_setpoint, sizeof read_setpoint);
    faults_clear_all(&faults);
    add_fault(FAULT_LATE);
    ask(7, read_setpoint, sizeof read_setpoint);
    faults_clear_all(&faults);
    add_fault(FAULT_DELAY);
    ask(7, read_setpoint, sizeof read_setpoint);
    ck_assert_int_eq(truth_close(service.truth, NULL), ERR_OK);

    static const char expected[] =
        "# bourdon-plcsim truth 1\n"
        "# served_us\tendpoint\tunit\twhat\ttable\taddress\tsent\titems\n"
        "1700000000000000\t127.0.0.1:1502\t7\tread\tholding\t16\tgood\t0320\n"
        "1700000000000000\t127.0.0.1:1502\t7\twrite\tholding\t16\tgood\t01f4\n"
        "1700000000000000\t127.0.0.1:1502\t1\tread\tcoil\t0\tgood\t011\n"
        "1700000000000000\t127.0.0.1:1502\t7\tread\tholding\t16\twrong-transaction\t01f4\n"
        "1700000000000000\t127.0.0.1:1502\t7\tread\tholding\t16\tlate\t01f4\n"
        "1700000000000000\t127.0.0.1:1502\t7\tread\tholding\t16\tgood\t01f4\n";
    char text[2048];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    temporary_remove(folder);
    ck_assert_str_eq(text, expected);
}
END_TEST

START_TEST(an_incomplete_truth_is_an_error)
{
    struct truth *truth;
    ck_assert_int_eq(truth_open("/dev/full", &truth, NULL), ERR_OK);
    struct err_text why;
    ck_assert_int_eq(truth_close(truth, &why), ERR_DISK_FULL);
    ck_assert_ptr_nonnull(strstr(why.text, "incomplete"));
}
END_TEST

int main(void)
{
    return suite_run_with("service", setup, teardown,
                          (const TTest *[]){
                              answers_a_read_of_the_unit_asked,
                              a_write_is_answered_and_acts_on_the_unit_alone,
                              units_0_and_255_are_the_device_itself,
                              every_function_is_answered_and_nonsense_is_refused,
                              faults_spoil_the_frame_the_way_they_say,
                              faults_say_when_and_how_often_the_frame_is_sent,
                              a_serial_line_has_frames_silence_and_broadcasts_of_its_own,
                              faults_spoil_serial_frames_in_what_they_have,
                              the_truth_says_what_was_served_and_how,
                              an_incomplete_truth_is_an_error,
                              NULL,
                          });
}
