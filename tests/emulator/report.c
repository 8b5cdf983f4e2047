/* State and bill as jansson values. */
#include "tests/emulator/report.h"

#define MINUTE_MS 60000

static json_t *report_starts(const struct hosting_model *model)
{
    json_t *array = json_array();
    const struct hosting_start *start;

    for (size_t i = 0; array && i < model->start_count; i++) {
        start = &model->starts[i];
        (void)json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:I}", "token", start->token,
                                                     "at_ms", (json_int_t)start->at_ms, "min_units",
                                                     (json_int_t)start->min_units, "max_units",
                                                     (json_int_t)start->max_units));
    }
    return array;
}

json_t *report_model(const struct hosting_model *model)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "model", model->name, "status",
                     hosting_status_name(model->status), "since_ms", (json_int_t)model->since_ms,
                     "min_units", (json_int_t)model->min_units, "max_units",
                     (json_int_t)model->max_units, "starts_applied", (json_int_t)model->start_count,
                     "stops_applied", (json_int_t)model->stops_applied, "starts",
                     report_starts(model));
}

json_t *report_models(struct hosting *hosting, int64_t now_ms)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < hosting_count(hosting); i++)
        (void)json_array_append_new(array, report_model(hosting_at(hosting, i, now_ms)));
    return array;
}

void report_add_run(struct report_sums *sums, const struct hosting_run *run, int64_t now_ms)
{
    int64_t to_ms = run->to_ms == HOSTING_OPEN ? now_ms : run->to_ms;
    int64_t ms = to_ms - run->from_ms;
    int64_t minutes = (ms + MINUTE_MS - 1) / MINUTE_MS;

    sums->unit_ms += ms * run->units;
    sums->billed_minutes += minutes;
    sums->unit_minutes += minutes * run->units;
}

static json_t *report_run(const struct hosting_run *run)
{
    json_t *to_ms = run->to_ms == HOSTING_OPEN ? json_null() : json_integer(run->to_ms);

    return json_pack("{s:I, s:o, s:I}", "from_ms", (json_int_t)run->from_ms, "to_ms", to_ms,
                     "units", (json_int_t)run->units);
}

static json_t *report_model_bill(const struct hosting_model *model, int64_t now_ms,
                                 struct report_sums *total)
{
    struct report_sums sums = {0};
    json_t *runs = json_array();

    for (size_t i = 0; runs && i < model->run_count; i++) {
        report_add_run(&sums, &model->runs[i], now_ms);
        report_add_run(total, &model->runs[i], now_ms);
        (void)json_array_append_new(runs, report_run(&model->runs[i]));
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "model", model->name, "unit_ms",
                     (json_int_t)sums.unit_ms, "billed_minutes", (json_int_t)sums.billed_minutes,
                     "unit_minutes", (json_int_t)sums.unit_minutes, "runs", runs);
}

json_t *report_bill(struct hosting *hosting, int64_t now_ms)
{
    struct report_sums total = {0};
    json_t *models = json_array();
    const struct hosting_model *model;

    for (size_t i = 0; models && i < hosting_count(hosting); i++) {
        model = hosting_at(hosting, i, now_ms);
        if (model->run_count > 0)
            (void)json_array_append_new(models, report_model_bill(model, now_ms, &total));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "now_ms", (json_int_t)now_ms, "unit_ms",
                     (json_int_t)total.unit_ms, "billed_minutes", (json_int_t)total.billed_minutes,
                     "unit_minutes", (json_int_t)total.unit_minutes, "models", models);
}
