/// A call to a driver, or to a writer that a driver opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// `get_content`
    GetContent,
    /// `put_content`
    PutContent,
    /// `read`; the content is read later and is not part of the call
    Read,
    /// `writer`
    Writer,
    /// `stat`
    Stat,
    /// `list`
    List,
    /// `walk`
    Walk,
    /// `rename`
    Move,
    /// `delete`
    Delete,
    /// `delete_files`
    DeleteFiles,
    /// `redirect_url`
    RedirectUrl,
    /// A writer's `claim`
    WriterClaim,
    /// A writer's `write`
    WriterWrite,
    /// A writer's `suspend`
    WriterSuspend,
    /// A writer's `commit`
    WriterCommit,
    /// A writer's `cancel`
    WriterCancel,
    /// A writer's `abandon`
    WriterAbandon,
}

impl Action {
    /// The name in metrics; the first ones are distribution's.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetContent => "GetContent",
            Self::PutContent => "PutContent",
            Self::Stat => "Stat",
            Self::List => "List",
            Self::Move => "Move",
            Self::Delete => "Delete",
            Self::RedirectUrl => "RedirectURL",
            Self::Read => "Reader",
            Self::Writer => "Writer",
            Self::Walk => "Walk",
            Self::DeleteFiles => "DeleteFiles",
            Self::WriterClaim => "Writer.Claim",
            Self::WriterWrite => "Writer.Write",
            Self::WriterSuspend => "Writer.Suspend",
            Self::WriterCommit => "Writer.Commit",
            Self::WriterCancel => "Writer.Cancel",
            Self::WriterAbandon => "Writer.Abandon",
        }
    }

    /// The name of the method, for errors.
    pub fn method(self) -> &'static str {
        match self {
            Self::GetContent => "get_content",
            Self::PutContent => "put_content",
            Self::Read => "read",
            Self::Writer => "writer",
            Self::Stat => "stat",
            Self::List => "list",
            Self::Walk => "walk",
            Self::Move => "rename",
            Self::Delete => "delete",
            Self::DeleteFiles => "delete_files",
            Self::RedirectUrl => "redirect_url",
            Self::WriterClaim => "claim",
            Self::WriterWrite => "write",
            Self::WriterSuspend => "suspend",
            Self::WriterCommit => "commit",
            Self::WriterCancel => "cancel",
            Self::WriterAbandon => "abandon",
        }
    }

    /// Whether the call may change what is stored.
    pub fn changes(self) -> bool {
        !matches!(
            self,
            Self::GetContent | Self::Read | Self::Stat | Self::List | Self::Walk | Self::RedirectUrl
        )
    }
}
