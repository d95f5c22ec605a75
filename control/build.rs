//! Migrations are embedded by a macro, which cannot tell cargo that it read them.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
