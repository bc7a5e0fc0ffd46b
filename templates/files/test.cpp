// {{ made_by }}
//
// Test bench: the events of tb_data/input.dat through the top function, compared bit for bit with tb_data/expected.dat.
// Both files hold mantissas, one event a line. Returns 0 only if every event was there and none differs.

#include <cstdio>

#include "firmware/{{ name }}.h"

static std::FILE* open_data(const char* name) {
    // The tools run the test bench deep inside the project.
    const char* const prefixes[] = {"tb_data/", "../tb_data/", "../../tb_data/", "../../../tb_data/", "../../../../tb_data/"};
    for (unsigned i = 0; i < sizeof prefixes / sizeof prefixes[0]; ++i) {
        char path[256];
        std::snprintf(path, sizeof path, "%s%s", prefixes[i], name);
        if (std::FILE* file = std::fopen(path, "r")) return file;
    }
    return 0;
}

int main() {
    std::FILE* const inputs = open_data("input.dat");
    std::FILE* const expected = open_data("expected.dat");
    if (inputs == 0 || expected == 0) {
        std::printf("{{ name }}: tb_data/input.dat or tb_data/expected.dat is missing\n");
        return 1;
    }
    const int total = {{ test_events }};
    int events = 0, different = 0;
    for (; events < total; ++events) {
        static {{ ports.bench.input }};
        long long mantissa = 0;
        bool complete = true;
{%- if ports.bench.words > 1 %}
        for (int word = 0; word < {{ ports.bench.words }}; ++word) {
            for (int i = 0; i < {{ ports.bench.per_word }} && complete; ++i) {
                complete = std::fscanf(inputs, "%lld", &mantissa) == 1;
                {{ ports.bench.put }} = ap_uint<input_t::width>(mantissa);
            }
        }
{%- else %}
        for (int i = 0; i < {{ input.size }} && complete; ++i) {
            complete = std::fscanf(inputs, "%lld", &mantissa) == 1;
            {{ ports.bench.put }} = ap_uint<input_t::width>(mantissa);
        }
{%- endif %}
        if (!complete) break;
{%- for line in ports.bench.finish %}
        {{ line }}
{%- endfor %}
        {{ "" if ports.bench.whole else "static " }}{{ ports.bench.output }};
        ::{{ name }}({{ ports.bench.argument }}, out);
{%- for line in ports.bench.begin %}
        {{ line }}
{%- endfor %}
{%- if ports.bench.whole %}
        // One beat, which ends the packet, and no beat of the event is left.
        bool same = {{ ports.bench.whole }};
        if (!same) std::printf("event %d: the streams do not end with it\n", events);
{%- else %}
        bool same = true;
{%- endif %}
        for (int i = 0; i < {{ layers[-1].size }} && complete; ++i) {
            complete = std::fscanf(expected, "%lld", &mantissa) == 1;
            const {{ "ap_int" if output.signed else "ap_uint" }}<output_t::width> bits = {{ ports.bench.get }};
            if (bits.to_int64() != mantissa) {
                if (same) std::printf("event %d, output %d: %lld instead of %lld\n", events, i, (long long)bits.to_int64(), mantissa);
                same = false;
            }
        }
        if (!complete) break;
        different += same ? 0 : 1;
    }
    std::fclose(inputs);
    std::fclose(expected);
    std::printf("{{ name }}: %d of %d events checked, %d different\n", events, total, different);
    return events == total && different == 0 ? 0 : 1;
}
