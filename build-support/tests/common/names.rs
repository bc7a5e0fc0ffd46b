//! Names that models and layers are tried with.

use std::{collections::BTreeSet, io::Write, process::Command, sync::LazyLock};

use serde_json::json;
use sparsehls_build::{
    Result, backend, check, data,
    manifest::{self, Package},
};

/// Keywords of C++20, of C23 and by context.
const CPP: &str = "alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t \
    class compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default \
    delete do double dynamic_cast else enum explicit export extern false final float for friend goto if import inline int \
    long module mutable namespace new noexcept not not_eq nullptr operator or or_eq override private protected public \
    register reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch \
    template this thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using virtual void \
    volatile wchar_t while xor xor_eq";

/// Keywords of Rust 2024: strict, reserved, weak; its primitive types, its crates and the names of its prelude.
const RUST: &str = "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match \
    mod move mut pub ref return self static struct super trait true type unsafe use where while abstract become box do final \
    gen macro override priv try typeof unsized virtual yield macro_rules raw safe union auto default bool char f32 f64 i8 i16 \
    i32 i64 i128 isize str u8 u16 u32 u64 u128 usize alloc core proc_macro std test drop clone option result some none vec \
    string panic println format derive cfg allow warn deny inline link clippy rustfmt";

/// Keywords of Verilog-2005.
const VERILOG: &str = "always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign \
    default defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify \
    endtable endtask event for force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial \
    inout input instance integer join large liblist library localparam macromodule medium module nand negedge nmos nor \
    noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup \
    pulsestyle_onevent pulsestyle_ondetect rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1 \
    scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task time tran tranif0 \
    tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor";

/// What SystemVerilog adds to them, to 2017.
const SYSTEM_VERILOG: &str = "accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof \
    bit break byte chandle checker class clocking const constraint context continue cover covergroup coverpoint cross dist do \
    endchecker endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum eventually \
    expect export extends extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies \
    import inside int interconnect interface intersect join_any join_none let local logic longint matches modport nettype new \
    nexttime null package packed priority program property protected pure rand randc randcase randsequence ref reject_on \
    restrict return s_always s_eventually s_nexttime s_until s_until_with sequence shortint shortreal soft solve static \
    string strong struct super sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit type typedef union \
    unique unique0 until until_with untyped var virtual void wait_order weak wildcard with within mailbox semaphore \
    randomize";

/// Reserved words of VHDL-2008 and 2019, and what its standard packages have.
const VHDL: &str = "abs access after alias all and architecture array assert assume assume_guarantee attribute begin \
    block body buffer bus case component configuration constant context cover default disconnect downto else elsif end entity \
    exit fairness file for force function generate generic group guarded if impure in inertial inout is label library linkage \
    literal loop map mod nand new next nor not null of on open or others out package parameter port postponed procedure \
    process property protected pure range record register reject release rem report restrict restrict_guarantee return rol \
    ror select sequence severity shared signal sla sll sra srl strong subtype then to transport type unaffected units until \
    use variable vmode vprop vunit wait when while with xnor xor private view vpkg ieee work std standard textio numeric_std \
    std_logic_1164 std_logic std_logic_vector std_ulogic bit bit_vector boolean integer natural positive real character \
    string time severity_level note warning error failure fs ps ns us ms sec min hr now resize rising_edge falling_edge \
    to_integer to_unsigned to_signed shift_left shift_right line text side left right width minimum maximum to_string behav \
    rtl behavioral";

/// Commands of Tcl, of the vendor's tools, and names that their own words begin with.
const TOOLS: &str = "after append apply array break catch cd close concat continue dict encoding eof error eval exec exit \
    expr file flush for foreach format gets glob global if incr info join lappend lindex list llength lrange namespace open \
    package proc puts pwd read regexp rename return set source split string subst switch time trace unset update uplevel \
    upvar variable vwait while open_project set_top add_files open_solution set_part create_clock csim_design csynth_design \
    cosim_design export_design ap_int ap_uint ap_fixed ap_ufixed ap_clk ap_rst ap_start ap_done ap_idle ap_ready ap_none \
    ap_wait ap_shift_reg ap ap_x hls hls_stream half int7 uint12 ssdm_int print af_bit_ref lshift retval valtype input_0 \
    input_r output_0 sparsehls sparsehls_x sparsehls_common con nul aux prn com1 lpt1 linux unix i386 arm sun mips pthread \
    pthread_create";

/// What people call networks.
const ORDINARY: &str = "alpha anomaly autoencoder barrel baseline beam beta big bottom calibration calo calorimeter \
    camera cat cells centroid charge classifier clean cluster clusters cnn cnn_v2 cms cosmic counter ctp dark data decoder \
    deep demo denoiser detector digits digit disk dog drift ecal efficient electron encoder endcap energy engine example \
    expert fast fastnet filter final_v3 fine firmware fixture flavour floorplan forest forward front gamma_ray gem golden \
    graph hcal head heavy higgs hit hits hough image jet jet_t_16b jets jet_tagger kernel kernels kind l0 l1 l1_trigger layer \
    layers lepton lhcb light little lut main_net mass mini mixed mnist model model1 model_2 model_v2 models monitor muon \
    muons myon net net0 net_1 network neutrino neuron noise object objects particle peak photon pid pileup pixel pixels pool \
    prediction predict preshower primary prompt pruned quantized quark readout reco regression relu resnet roi road router s1 \
    s2 scintillator score scorer seed seeds segment sensor shower sigma silicon simple sipm slim smart snn softmax sparse \
    sparse_cnn spill sputnik stage1 stage_2 star station strip student tagger target tau teacher tile tiny tom top topo tower \
    toy tpc track tracker tracks trained training trigger truth turbo two unet v1 v2 vertex veto vision volume wafer waveform \
    weights winter x x1 x_y xgb y2 z zero zdc number mantissa event_filter events_net in_net out_net bits same total \
    different complete open_data inputs expected path in out i run words results prefixes size shape slots channels values \
    config format quantize active hash steps csim csim_main trace bridge project cflags opt step backend clock_period \
    test_bench simulated not_simulated inputs_1 output_format tolerance";

/// Every candidate: the words above, every identifier of the generated code and of what it includes, and every
/// identifier of the headers of the C library on this machine.
pub fn candidates() -> BTreeSet<String> {
    static ALL: LazyLock<BTreeSet<String>> = LazyLock::new(all);
    ALL.clone()
}

fn all() -> BTreeSet<String> {
    let lists = [CPP, RUST, VERILOG, SYSTEM_VERILOG, VHDL, TOOLS, ORDINARY];
    let mut all: BTreeSet<String> = lists.iter().flat_map(|list| list.split_whitespace().map(str::to_owned)).collect();
    all.extend(generated());
    all.extend(of_the_c_library());
    for odd in ["a_", "a__b", "_a", "A", "2nd", "", "ü", "a-b", "a.b", "_", "ap_"] {
        all.insert(odd.into());
    }
    all.extend([63, 64, 65].map(|length| "n".repeat(length)));
    all
}

/// The identifiers of generated projects, with the kernels and our types, and of the bindings.
pub fn generated() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for fixture in ["whole-net-032", "conv-position-iq", "avg-pool-3-partial", "qsoftmax-heterogeneous"] {
        let source = super::folder().join(format!("{fixture}.keras"));
        let x = data::read_golden(&source.with_extension("npz")).unwrap().x;
        let (model, network) = super::load(&source, &x).unwrap();
        let project = super::project("names", &model, &network, &check::made_up(&network, 1)).unwrap();
        project.files.values().for_each(|text| all.extend(identifiers(text)));
        for library in [None, Some("library")] {
            all.extend(identifiers(&backend::bindings(&[(&model, &network, library)], &Default::default()).unwrap()));
        }
    }
    all
}

/// Headers of C that the vendor's headers include, directly or with those of C++.
pub const C_HEADERS: [&str; 19] = [
    "assert", "ctype", "errno", "fenv", "float", "inttypes", "limits", "locale", "math", "pthread", "sched", "stdarg", "stddef",
    "stdint", "stdio", "stdlib", "string", "time", "wchar",
];

/// What `#include`s headers.
pub fn include(headers: &[&str]) -> String {
    headers.iter().map(|header| format!("#include <{header}.h>\n")).collect()
}

/// The identifiers of the C library's headers: declarations after the preprocessor, and macros.
fn of_the_c_library() -> BTreeSet<String> {
    let run = |flag: &str| {
        let compiler = ["g++", "clang++"].into_iter().find(|tool| Command::new(tool).arg("--version").output().is_ok());
        let mut child = Command::new(compiler.unwrap())
            .args(["-x", "c++", "-E", flag, "-"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let headers = include(&C_HEADERS) + &include(&["complex", "setjmp", "signal", "tgmath", "uchar", "unistd", "wctype"]);
        child.stdin.take().unwrap().write_all(headers.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    };
    let macros: String = run("-dM").lines().filter_map(|line| line.split(' ').nth(1)).map(|name| format!("{name}\n")).collect();
    identifiers(&run("-P")).chain(identifiers(&macros)).collect()
}

/// The words of `text` that are names as far as their letters go.
fn identifiers(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let fits = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && !word.contains(|c: char| c.is_ascii_uppercase())
            && !word.contains("__")
    };
    words.filter(fits).map(str::to_owned).collect::<BTreeSet<_>>().into_iter()
}

/// Whether the manifest takes a model of this name; else the error.
pub fn accepted(name: &str) -> Result<()> {
    let mut models = serde_json::Map::new();
    models.insert(name.to_owned(), json!({ "source": "net.keras" }));
    let package = Package {
        name: "names".into(),
        manifest: "Cargo.toml".into(),
        directory: ".".into(),
        metadata: Some(json!({ "models": models })),
        workspace_metadata: None,
        workspace_manifest: "Cargo.toml".into(),
        target_directory: "target".into(),
    };
    manifest::models(&package).map(drop)
}

/// Every `step`th of the names; five times as many with SPARSEHLS_ALL, as in CI; all with SPARSEHLS_ALL=names, which takes
/// a quarter of an hour.
pub fn sample(names: impl IntoIterator<Item = String>, step: usize) -> Vec<String> {
    let step = match std::env::var_os("SPARSEHLS_ALL") {
        None => step,
        Some(what) if what == "names" => 1,
        Some(_) => step.div_ceil(5),
    };
    if step > 1 {
        super::skip::skipped(&format!("all but one name of {step}; SPARSEHLS_ALL=names takes all"));
    }
    names.into_iter().step_by(step).collect()
}
