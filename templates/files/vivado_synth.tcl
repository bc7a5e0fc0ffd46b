# {{ made_by }}
#
# Logic synthesis of the exported design, for utilization and timing as Vivado sees them:
#   vivado -mode batch -source vivado_synth.tcl

source [file join [file dirname [file normalize [info script]]] project.tcl]

add_files "${project_name}_prj/solution1/syn/verilog"
synth_design -top $project_name -part $part -mode out_of_context
create_clock -period $clock_period -name ap_clk [get_ports ap_clk]
opt_design
report_utilization -hierarchical -hierarchical_depth 1 -file vivado_synth.rpt
report_timing_summary -file vivado_timing.rpt
