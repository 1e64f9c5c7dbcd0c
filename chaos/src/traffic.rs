//! Customers and an administrator who use the platform through its gateways and write down what they asked and heard.
