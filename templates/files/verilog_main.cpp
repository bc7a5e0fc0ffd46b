// {{ made_by }}
//
// Feeds {{ name }}, as Verilator compiles it, with all events of sim/input.hex: as close behind each other as it takes them, then
// with gaps{% if clock_enable %} and stalls{% endif %}. What comes out, and when, is compared with sim/expected.hex; sim/report.json says what was found.
//
//     verilator --cc --exe --build -O3 -CFLAGS -O1 --top-module {{ name }} -Mdir sim/obj -o sim rtl/{{ name }}.v sim/main.cpp
//     sim/obj/sim
//
// Run both in the folder of the project.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "V{{ name }}.h"
#include "verilated.h"

namespace {

const size_t EVENTS = {{ events }};
// The first of these are made up, and are not counted if there are others.
const size_t MADE_UP = {{ made_up }};
const size_t WORDS = {{ words }};
const size_t INTERVAL = {{ interval }};
const size_t LATENCY = {{ latency }};
// From the last word of an event to its answer.
const size_t AFTER_LAST = {{ after_last }};
const size_t INPUT_BITS = {{ input_bits }};
const size_t OUTPUT_BITS = {{ output_bits }};

typedef std::vector<uint32_t> Bits;

std::vector<Bits> read(const char* path, size_t width, size_t count) {
    std::ifstream file(path);
    std::vector<Bits> lines;
    std::string line;
    while (std::getline(file, line)) {
        if (line.empty() || line[0] == '/') {
            continue;
        }
        Bits bits((width + 31) / 32, 0);
        for (size_t at = 0; at < line.size(); ++at) {
            const char c = line[line.size() - 1 - at];
            const uint32_t digit = c <= '9' ? c - '0' : c - 'a' + 10;
            if (at / 8 < bits.size()) {
                bits[at / 8] |= digit << at % 8 * 4;
            }
        }
        lines.push_back(bits);
    }
    if (lines.size() != count) {
        std::fprintf(stderr, "%s has %zu lines, not %zu; run this in the folder of the project\n", path, lines.size(), count);
        lines.clear();
    }
    return lines;
}

// The next of a sequence of numbers that only look random.
uint32_t next_random() {
    static uint64_t state = 1;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return uint32_t(state >> 33);
}

struct Answer {
    size_t event;
    size_t due;
};

// The model in a clock that runs, and what is known of the events on their way.
class Bench {
public:
    Bench(const std::vector<Bits>& given, const std::vector<Bits>& expected)
        : given(given), expected(expected), differs(EVENTS, false), starts(EVENTS, 0), context(new VerilatedContext), top(new V{{ name }}(context)) {}

    ~Bench() {
        top->final();
        delete top;
        delete context;
    }

    void reset() {
        top->rst = 1;
        top->in_valid = 0;
{%- if clock_enable %}
        top->ce = 1;
{%- endif %}
        for (int i = 0; i < 2; ++i) {
            edge();
        }
        top->rst = 0;
        answers.clear();
        head = 0;
        earliest.assign(WORDS, now);
    }

    // All events; gives the least distance between two of them.
    size_t feed(bool gaps) {
        size_t least = 0, start = 0;
        for (size_t event = 0; event < EVENTS; ++event) {
            for (size_t word = 0; word < WORDS; ++word) {
                while ((gaps && next_random() % 4 == 0) || now < earliest[word]) {
                    cycle(nullptr, gaps);
                }
                if (word == 0) {
                    if (event > 0 && (least == 0 || now - start < least)) {
                        least = now - start;
                    }
                    start = now;
                    starts[event] = now;
                }
                earliest[word] = now + INTERVAL;
                if (word == WORDS - 1) {
                    const Answer answer = {event, now + AFTER_LAST};
                    answers.push_back(answer);
                }
                cycle(&given[event * WORDS + word], gaps);
            }
        }
        for (size_t i = 0; i <= AFTER_LAST; ++i) {
            cycle(nullptr, gaps);
        }
        return EVENTS > 1 ? least : INTERVAL;
    }

    // Half an event, of which a reset leaves nothing.
    void abandon() {
        for (size_t word = 0; word < WORDS / 2; ++word) {
            cycle(&given[word], false);
        }
    }

    size_t different() const {
        size_t count = 0;
        for (size_t event = 0; event < EVENTS; ++event) {
            count += differs[event];
        }
        return count;
    }

    // Of events that were fed without gaps; 0 if they differ.
    size_t latency = 0;
    bool measures = true;
    // Answers of no event.
    size_t spurious = 0;

private:
    void edge() {
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
    }

    void cycle(const Bits* word, bool stalls) {
        top->in_valid = word != nullptr;
        set(word);
{%- if clock_enable %}
        if (stalls && next_random() % 4 == 0) {
            top->ce = 0;
            edge();
        }
        top->ce = 1;
{%- else %}
        (void)stalls;
{%- endif %}
        top->clk = 0;
        top->eval();
        look();
        top->clk = 1;
        top->eval();
        ++now;
    }

    // What comes out in this cycle.
    void look() {
        const bool is_due = head < answers.size() && answers[head].due == now;
        if (!is_due) {
            if (top->out_valid) {
                complain("out_valid is 1, and no answer is due");
                ++spurious;
            }
            return;
        }
        const size_t event = answers[head++].event;
        const Bits found = get();
        if (!top->out_valid) {
            differ(event, "has no answer in the cycle in which it is due", nullptr);
        } else if (found != expected[event]) {
            differ(event, "is", &found);
        }
        if (measures && top->out_valid) {
            const size_t own = now - starts[event];
            latency = event == 0 || latency == own ? own : 0;
        }
    }

    void differ(size_t event, const char* what, const Bits* found) {
        differs[event] = true;
        std::string text = std::string(what);
        if (found) {
            text += " " + hex(*found) + ", not " + hex(expected[event]);
        }
        complain(("event " + std::to_string(event) + " of sim/expected.hex " + text).c_str());
    }

    void complain(const char* text) {
        if (++complaints <= 5) {
            std::fprintf(stderr, "{{ name }}: cycle %zu: %s\n", now, text);
        }
    }

    static std::string hex(const Bits& bits) {
        std::string text;
        for (size_t at = bits.size(); at-- > 0;) {
            char part[9];
            std::snprintf(part, sizeof part, "%08x", unsigned(bits[at]));
            text += part;
        }
        return text;
    }

    // While nothing comes in all bits are 1: they must not matter.
    void set(const Bits* word) {
{%- if input_bits > 64 %}
        for (size_t at = 0; at < (INPUT_BITS + 31) / 32; ++at) {
            const size_t left = INPUT_BITS - 32 * at;
            top->in_data[at] = word ? (*word)[at] : left < 32 ? (1u << left) - 1 : ~0u;
        }
{%- else %}
        uint64_t bits = ~uint64_t(0) >> (64 - INPUT_BITS);
        if (word) {
            bits = (*word)[0]{% if input_bits > 32 %} | uint64_t((*word)[1]) << 32{% endif %};
        }
        top->in_data = bits;
{%- endif %}
    }

    Bits get() const {
        Bits bits((OUTPUT_BITS + 31) / 32);
        for (size_t at = 0; at < bits.size(); ++at) {
            bits[at] = {% if output_bits > 64 %}top->out_data[at]{% else %}uint32_t(uint64_t(top->out_data) >> 32 * at){% endif %};
        }
        return bits;
    }

    const std::vector<Bits>& given;
    const std::vector<Bits>& expected;
    std::vector<bool> differs;
    // When the first word of each event was fed.
    std::vector<size_t> starts;
    VerilatedContext* context;
    V{{ name }}* top;
    std::vector<Answer> answers;
    std::vector<size_t> earliest;
    size_t head = 0;
    size_t now = 0;
    size_t complaints = 0;
};

}  // namespace

int main() {
    const std::vector<Bits> given = read("sim/input.hex", INPUT_BITS, EVENTS * WORDS);
    const std::vector<Bits> expected = read("sim/expected.hex", OUTPUT_BITS, EVENTS);
    if (given.empty() || expected.empty()) {
        return 1;
    }
    Bench bench(given, expected);
    bench.reset();
    const size_t interval = bench.feed(false);
    const size_t latency = bench.latency;
    bench.measures = false;
    bench.abandon();
    bench.reset();
    bench.feed(true);

    const size_t counted = EVENTS - MADE_UP;
    // An answer of no event counts as a wrong one, and so does that of an event that is made up.
    size_t different = bench.different() + bench.spurious;
    different = different < counted ? different : counted;
    if (latency != LATENCY) {
        std::fprintf(stderr, "{{ name }}: the latency is %zu cycles (0: not always the same), not %zu\n", latency, LATENCY);
    }
    std::ofstream report("sim/report.json");
    report << "{\"events\":" << counted << ",\"events-different\":" << different << ",\"latency-cycles\":" << latency
           << ",\"interval-cycles\":" << interval << "}\n";
    report.close();
    if (!report) {
        std::fprintf(stderr, "sim/report.json cannot be written\n");
        return 1;
    }
    return different == 0 && latency == LATENCY && interval == INTERVAL ? 0 : 1;
}
