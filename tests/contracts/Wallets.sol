// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

interface Token {
    function transfer(address to, uint256 value) external returns (bool);
}

/// A wallet that is a contract and has one owner, who signs for it (EIP-1271).
contract ContractWallet {
    address public owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function pay(Token token, address to, uint256 value) external {
        require(msg.sender == owner, "not the owner");
        require(token.transfer(to, value), "not paid");
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) {
            return 0xffffffff;
        }
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        address signer = ecrecover(digest, uint8(signature[64]), r, s);
        return signer != address(0) && signer == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// A contract that pays several times in one transaction.
contract BatchPayer {
    function pay(Token token, address[] calldata to, uint256[] calldata values) external {
        for (uint256 i = 0; i < to.length; i++) {
            require(token.transfer(to[i], values[i]), "not paid");
        }
    }
}

/// A wallet that refuses loudly instead of answering no.
contract RevertingWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        revert("no signature is good enough");
    }
}

/// A wallet that says yes with something after it, which is no yes.
contract SloppyWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes32) {
        return bytes32(uint256(0x1626ba7e) << 224 | 1);
    }
}
