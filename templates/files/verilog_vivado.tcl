# {{ made_by }}
#
# From the Verilog to a routed design out of context, for utilization and timing as Vivado sees them:
#   vivado -mode batch -source scripts/vivado.tcl

read_verilog rtl/{{ name }}.v
read_xdc scripts/vivado.xdc
synth_design -top {{ name }} -part {{ part }} -mode out_of_context
opt_design
place_design
route_design
report_utilization -hierarchical -hierarchical_depth 1 -file vivado/utilization.rpt
report_timing_summary -file vivado/timing.rpt
