//! Walks over CEL's tree without recursion.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr};

/// The operands of a row of one operator (`a && b && c`), which the parser nests two by two.
pub(super) fn flat(node: &IdedExpr) -> Vec<&IdedExpr> {
    let Expr::Call(CallExpr { func_name, .. }) = &node.expr else {
        return vec![node];
    };
    let mut open = vec![node];
    let mut operands = Vec::new();
    while let Some(node) = open.pop() {
        match &node.expr {
            Expr::Call(call) if call.func_name == *func_name => open.extend(call.args.iter().rev()),
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_)
            | Expr::Unspecified => operands.push(node),
        }
    }
    operands
}

/// A node and everything below it that this language knows.
pub(super) fn descendants(root: &IdedExpr) -> Vec<&IdedExpr> {
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        found.push(node);
        match &node.expr {
            Expr::Call(call) => {
                open.extend(call.target.as_deref());
                open.extend(&call.args);
            }
            Expr::List(list) => open.extend(&list.elements),
            Expr::Select(select) => open.push(&select.operand),
            Expr::Map(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::Literal(_)
            | Expr::Struct(_)
            | Expr::Unspecified => {}
        }
    }
    found
}
