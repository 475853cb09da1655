#include "points.h"

#include "base/array.h"

#include <math.h>
#include <string.h>

enum { PASCAL_PER_BAR = 100000 };

enum point_type { POINT_UINT16, POINT_INT16, POINT_UINT32, POINT_FLOAT32 };

/* Where the bytes of a 32-bit value (A = most significant) lie, in the order of the wire. */
static const struct {
    const char *name;
    uint8_t from[4];
} orders[] = {{"ABCD", {0, 1, 2, 3}}, {"CDAB", {2, 3, 0, 1}}, {"BADC", {1, 0, 3, 2}}, {"DCBA", {3, 2, 1, 0}}};
enum { ABCD, CDAB, BADC, DCBA };

struct register_point {
    uint16_t offset; /* in the vessel's block */
    const char *name;
    enum point_type type;
    int order;    /* of 32-bit types */
    double scale; /* value = raw * scale */
    const char *unit;
    double (*value)(const struct vessel *vessel);
};

struct bit_point {
    uint16_t offset;
    const char *name;
    bool (*value)(const struct vessel *vessel);
    void (*write)(struct vessel *vessel, bool on); /* NULL = read only */
};

static double pressure(const struct vessel *vessel)
{
    return vessel->measured_bar;
}

static double pressure_in_pascal(const struct vessel *vessel)
{
    return vessel->measured_bar * PASCAL_PER_BAR;
}

static double deviation(const struct vessel *vessel)
{
    return vessel->measured_bar - vessel->setpoint_bar;
}

static double supply(const struct vessel *vessel)
{
    return vessel->supply_now_bar;
}

static double valve_percent(const struct vessel *vessel)
{
    return vessel->valve * 100;
}

static double setpoint(const struct vessel *vessel)
{
    return vessel->setpoint_bar;
}

static double alarm_word(const struct vessel *vessel)
{
    return (vessel_alarm_high(vessel) ? 1 : 0) + (vessel_alarm_low(vessel) ? 2 : 0) +
           (vessel->relief_open ? 4 : 0) + (vessel->clipped ? 8 : 0);
}

static double relief_count(const struct vessel *vessel)
{
    return vessel->relief_count;
}

static double scans(const struct vessel *vessel)
{
    return (uint16_t)vessel->steps;
}

enum { SETPOINT_OFFSET = 16 };
static const double SETPOINT_SCALE = 0.01;

static const struct register_point register_points[] = {
    {0, "pressure", POINT_UINT16, ABCD, 0.01, "bar", pressure},
    {1, "deviation from setpoint", POINT_INT16, ABCD, 0.01, "bar", deviation},
    {2, "pressure", POINT_FLOAT32, ABCD, 1, "bar", pressure},
    {4, "pressure", POINT_FLOAT32, CDAB, 1, "bar", pressure},
    {6, "pressure", POINT_FLOAT32, BADC, 1, "bar", pressure},
    {8, "pressure", POINT_FLOAT32, DCBA, 1, "bar", pressure},
    {10, "pressure", POINT_UINT32, ABCD, 1, "Pa", pressure_in_pascal},
    {12, "pressure", POINT_UINT32, CDAB, 1, "Pa", pressure_in_pascal},
    {14, "supply pressure", POINT_UINT16, ABCD, 0.01, "bar", supply},
    {15, "inlet valve position", POINT_UINT16, ABCD, 0.1, "%", valve_percent},
    {SETPOINT_OFFSET, "setpoint", POINT_UINT16, ABCD, SETPOINT_SCALE, "bar", setpoint},
    {17, "alarms: 1 high, 2 low, 4 relief open, 8 sensor clipped", POINT_UINT16, ABCD, 1, "", alarm_word},
    {18, "openings of the relief valve", POINT_UINT16, ABCD, 1, "", relief_count},
    {19, "scans of the PLC, wraps around", POINT_UINT16, ABCD, 1, "", scans},
};

static bool isolated(const struct vessel *vessel)
{
    return vessel->isolated;
}

static void isolate(struct vessel *vessel, bool on)
{
    vessel->isolated = on;
}

static bool relief_forced(const struct vessel *vessel)
{
    return vessel->relief_forced;
}

static void force_relief(struct vessel *vessel, bool on)
{
    vessel->relief_forced = on;
}

static bool relief_open(const struct vessel *vessel)
{
    return vessel->relief_open;
}

static bool sensor_clipped(const struct vessel *vessel)
{
    return vessel->clipped;
}

static const struct bit_point bit_points[] = {
    {0, "close the inlet", isolated, isolate},
    {1, "hold the relief valve open", relief_forced, force_relief},
    {2, "alarm: pressure high", vessel_alarm_high, NULL},
    {3, "alarm: pressure low", vessel_alarm_low, NULL},
    {4, "alarm: relief valve open", relief_open, NULL},
    {5, "alarm: sensor at an end of its range", sensor_clipped, NULL},
};

static double limited(double raw, double low, double high)
{
    return raw < low ? low : raw > high ? high : raw;
}

/* The 32 bits of the point's raw value; 16-bit types use the lower half. Out of range: the nearest end. */
static uint32_t encode(const struct register_point *point, double value)
{
    double raw = round(value / point->scale);
    float real = (float)value;
    uint32_t bits;
    switch (point->type) {
    case POINT_UINT16:
        return (uint32_t)limited(raw, 0, UINT16_MAX);
    case POINT_INT16:
        return (uint16_t)(int16_t)limited(raw, INT16_MIN, INT16_MAX);
    case POINT_UINT32:
        return (uint32_t)limited(raw, 0, UINT32_MAX);
    case POINT_FLOAT32:
        memcpy(&bits, &real, sizeof bits);
        return bits;
    }
    return 0;
}

static bool is_wide(enum point_type type)
{
    return type == POINT_UINT32 || type == POINT_FLOAT32;
}

static void put(uint16_t *words, const struct register_point *point, uint32_t bits)
{
    if (!is_wide(point->type)) {
        words[0] = (uint16_t)bits;
        return;
    }
    uint8_t bytes[4];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(bits >> (24 - 8 * orders[point->order].from[i]));
    }
    words[0] = (uint16_t)(bytes[0] << 8 | bytes[1]);
    words[1] = (uint16_t)(bytes[2] << 8 | bytes[3]);
}

void points_fill(const struct vessel *vessel, uint16_t *words, uint8_t *flags)
{
    for (size_t i = 0; i < ARRAY_LENGTH(register_points); i++) {
        const struct register_point *point = &register_points[i];
        put(words + point->offset, point, encode(point, point->value(vessel)));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bit_points); i++) {
        flags[bit_points[i].offset] = bit_points[i].value(vessel);
    }
}

bool points_register_is_writable(size_t offset)
{
    return offset == SETPOINT_OFFSET;
}

bool points_bit_is_writable(size_t offset)
{
    return offset < ARRAY_LENGTH(bit_points) && bit_points[offset].write;
}

void points_write_register(struct vessel *vessel, size_t offset, uint16_t word)
{
    if (offset == SETPOINT_OFFSET) {
        vessel_set_setpoint(vessel, word * SETPOINT_SCALE);
    }
}

void points_write_bit(struct vessel *vessel, size_t offset, bool on)
{
    if (points_bit_is_writable(offset)) {
        bit_points[offset].write(vessel, on);
    }
}

void points_print(FILE *out)
{
    static const char *const types[] = {"uint16", "int16", "uint32", "float32"};
    fprintf(out,
            "| register | type | order | scale | unit | access | meaning |\n|--:|---|---|--:|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LENGTH(register_points); i++) {
        const struct register_point *point = &register_points[i];
        fprintf(out, "| +%u | %s | %s | %g | %s | %s | %s |\n", point->offset, types[point->type],
                is_wide(point->type) ? orders[point->order].name : "", point->scale, point->unit,
                point->offset == SETPOINT_OFFSET ? "read, write" : "read", point->name);
    }
    fprintf(out, "\nBits of a vessel, the same as coils and as discrete inputs (only coils can be "
                 "written):\n\n| bit | access | meaning |\n|--:|---|---|\n");
    for (size_t i = 0; i < ARRAY_LENGTH(bit_points); i++) {
        fprintf(out, "| +%u | %s | %s |\n", bit_points[i].offset,
                bit_points[i].write ? "read, write" : "read", bit_points[i].name);
    }
}
