// {{ made_by }}
//
// Feeds {{ name }} with events of sim/input.hex, first as close behind each other as it takes them, then with gaps{% if clock_enable %} and stalls{% endif %}
// after a reset in the middle of an event, and compares what comes out, and when, with sim/expected.hex.
//
//     iverilog -g2001 -o sim/{{ name }}_tb sim/{{ name }}_tb.v rtl/{{ name }}.v && vvp -n sim/{{ name }}_tb
//
// prints PASS or FAIL. -P{{ name }}_tb.EVENTS={{ events }} takes all events.

module {{ name }}_tb;
    // How many of the events.
    parameter EVENTS = {{ bench_events }};

    localparam WORDS      = {{ words }};
    localparam INTERVAL   = {{ interval }};
    localparam AFTER_LAST = {{ after_last }};

    reg clk;
    reg rst;
{%- if clock_enable %}
    reg ce;
{%- endif %}
    reg in_valid;
    reg  [{{ input_bits - 1 }}:0] in_data;
    wire out_valid;
    wire [{{ output_bits - 1 }}:0] out_data;

    reg [{{ input_bits - 1 }}:0] given    [0:{{ events * words - 1 }}];
    reg [{{ output_bits - 1 }}:0] expected [0:{{ events - 1 }}];

    // The cycle in which each answer is due: of events that were fed, from `head` to `tail` those that are on their way.
    integer due   [0:2 * EVENTS];
    integer event_of [0:2 * EVENTS];
    integer head;
    integer tail;

    integer now;
    integer earliest [0:WORDS];
    integer start;
    integer failures;
    integer seed;
    integer number;
    integer word;
    reg gaps;

    {{ name }} dut (
        .clk       (clk),
        .rst       (rst),
{%- if clock_enable %}
        .ce        (ce),
{%- endif %}
        .in_valid  (in_valid),
        .in_data   (in_data),
        .out_valid (out_valid),
        .out_data  (out_data)
    );

    always #5 clk = ~clk;

    // Whether this is one time of four, when there are gaps.
    function chance;
        input dummy;
        chance = gaps && $random(seed) % 4 == 0;
    endfunction

    // One cycle.
    task step;
        input valid;
        input integer at;
        begin
            in_valid = valid;
            in_data  = valid ? given[at] : {{ "{" }}{{ input_bits }}{1'b1}};
{%- if clock_enable %}
            ce = 1'b1;
            if (chance(1'b0)) begin
                ce = 1'b0;
                @(negedge clk);
                ce = 1'b1;
            end
{%- endif %}
            @(negedge clk);
        end
    endtask

    task feed;
        input integer which;
        begin
            for (word = 0; word < WORDS; word = word + 1) begin
                while (chance(1'b0) || now < earliest[word])
                    step(1'b0, 0);
                if (word == 0) begin
                    if (!gaps && number > 0 && now - start != INTERVAL) begin
                        failures = failures + 1;
                        $display("FAIL: fed after %0d cycles, not %0d", now - start, INTERVAL);
                    end
                    start = now;
                end
                earliest[word] = now + INTERVAL;
                if (word == WORDS - 1) begin
                    due[tail]      = now + AFTER_LAST;
                    event_of[tail] = which;
                    tail           = tail + 1;
                end
                step(1'b1, which * WORDS + word);
            end
        end
    endtask

    task reset;
        begin
            rst = 1'b1;
            in_valid = 1'b0;
{%- if clock_enable %}
            ce = 1'b1;
{%- endif %}
            @(negedge clk);
            @(negedge clk);
            rst  = 1'b0;
            head = tail;
            for (word = 0; word < WORDS; word = word + 1)
                earliest[word] = 0;
        end
    endtask

    always @(posedge clk)
        if (!rst{% if clock_enable %} && ce{% endif %}) begin
            if (out_valid !== (head < tail && due[head] == now)) begin
                failures = failures + 1;
                $display("FAIL: cycle %0d: out_valid is %b", now, out_valid);
            end
            if (head < tail && due[head] == now) begin
                if (out_data !== expected[event_of[head]]) begin
                    failures = failures + 1;
                    $display("FAIL: event %0d: %h, not %h", event_of[head], out_data, expected[event_of[head]]);
                end
                head = head + 1;
            end
            now = now + 1;
            if (failures > 10) begin
                $display("FAIL");
                $finish;
            end
        end

    initial begin
        $readmemh("sim/input.hex", given);
        $readmemh("sim/expected.hex", expected);
        clk      = 1'b0;
        head     = 0;
        tail     = 0;
        now      = 0;
        failures = 0;
        seed     = 1;
        gaps     = 1'b0;
        reset;
        for (number = 0; number < EVENTS; number = number + 1)
            feed(number);
        for (number = 0; number <= AFTER_LAST; number = number + 1)
            step(1'b0, 0);
        // Half an event, of which a reset leaves nothing.
        for (number = 0; number < (WORDS + 1) / 2; number = number + 1)
            step(1'b1, number);
        if (WORDS == 1)
            head = tail;
        reset;
        gaps = 1'b1;
        for (number = 0; number < EVENTS; number = number + 1)
            feed(number);
        for (number = 0; number <= AFTER_LAST; number = number + 1)
            step(1'b0, 0);
        if (head != tail) begin
            failures = failures + 1;
            $display("FAIL: %0d answers did not come", tail - head);
        end
        if (failures == 0)
            $display("PASS: %0d events twice, latency %0d, interval %0d", EVENTS, WORDS - 1 + AFTER_LAST, INTERVAL);
        else
            $display("FAIL");
        $finish;
    end
endmodule
