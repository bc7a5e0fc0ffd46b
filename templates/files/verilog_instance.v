// {{ made_by }}
//
// How to instantiate {{ name }}. {{ timing }}
    reg  [{{ input_bits - 1 }}:0] {{ name }}_in_data;
    reg  {{ name }}_in_valid;
    wire [{{ output_bits - 1 }}:0] {{ name }}_out_data;
    wire {{ name }}_out_valid;

    {{ name }} {{ name }}_inst (
        .clk       (clk),
        .rst       (rst),
{%- if clock_enable %}
        .ce        (ce),
{%- endif %}
        .in_valid  ({{ name }}_in_valid),
        .in_data   ({{ name }}_in_data),
        .out_valid ({{ name }}_out_valid),
        .out_data  ({{ name }}_out_data)
    );
