# {{ made_by }}
#
# Compiles {{ name }} by itself with Quartus: every port but the clock is a virtual pin.
#
#     quartus_sh -t scripts/quartus.tcl DEVICE
#
# in the folder of the project; DEVICE as Quartus names it, for example 10AX115H2F34E2SG.
if {[llength $argv] != 1} {
    puts stderr "usage: quartus_sh -t scripts/quartus.tcl DEVICE"
    exit 2
}
load_package flow
file mkdir quartus
project_new quartus/{{ name }} -overwrite
set_global_assignment -name DEVICE [lindex $argv 0]
set_global_assignment -name TOP_LEVEL_ENTITY {{ name }}
set_global_assignment -name VERILOG_INPUT_VERSION VERILOG_2001
set_global_assignment -name VERILOG_FILE [file normalize rtl/{{ name }}.v]
set_global_assignment -name SDC_FILE [file normalize constraints/{{ name }}.sdc]
foreach port {rst {% if clock_enable %}ce {% endif %}in_valid in_data out_valid out_data in_data[*] out_data[*]} {
    set_instance_assignment -name VIRTUAL_PIN ON -to $port
}
execute_flow -compile
project_close
