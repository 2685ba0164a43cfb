// Hosts SCIMMY, which does the protocol. Here: a shelf in memory for each kind of resource, unique names, a token.
import { randomUUID, timingSafeEqual } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const { Resources, Schemas, Types } = SCIMMY;

class Shelf {
    #byId = new Map();

    constructor(label) {
        this.label = label;
    }

    find(id) {
        const found = this.#byId.get(id);
        if (!found) throw new Types.Error(404, null, `no resource ${id}`);
        return found;
    }

    handlers() {
        return {
            ingress: (request, data) => this.#put(request.id, JSON.parse(JSON.stringify(data))),
            egress: (request) => {
                if (request.id) return structuredClone(this.find(request.id));
                const all = structuredClone([...this.#byId.values()]);
                return request.filter?.match(all) ?? all;
            },
            degress: (request) => {
                this.find(request.id);
                this.#byId.delete(request.id);
            },
        };
    }

    #put(id, data) {
        const previous = id ? this.find(id) : undefined;
        const name = (one) => String(one[this.label]).toLowerCase();
        for (const other of this.#byId.values()) {
            if (other !== previous && name(other) === name(data)) {
                throw new Types.Error(409, "uniqueness", `${this.label} is taken`);
            }
        }
        const lastModified = new Date().toISOString();
        const created = previous?.meta.created ?? lastModified;
        const stored = { ...data, id: id ?? randomUUID(), meta: { created, lastModified } };
        this.#byId.set(stored.id, stored);
        return structuredClone(stored);
    }
}

Resources.declare(Resources.User.extend(Schemas.EnterpriseUser, false), new Shelf("userName").handlers());
Resources.declare(Resources.Group, new Shelf("displayName").handlers());

const expected = Buffer.from(`Bearer ${process.env.TOKEN}`);
const authenticate = (request) => {
    const given = Buffer.from(request.header("Authorization") ?? "");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new Error("the token is missing or wrong");
    }
    return "tests";
};

express()
    .disable("x-powered-by")
    .use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler: authenticate }))
    .listen(Number(process.env.PORT), "127.0.0.1");
